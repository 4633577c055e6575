"""Files from outside pass the scanner before they are kept, whatever room they come in by."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from .errors import N_, Invalid
from .ports import FileScanner, ScanFailed
from .uploads import Checked

log = logging.getLogger("qunclub.uploads")
UNSEEN = N_("%(name)s could not be checked for viruses and was not taken. Try again in a few minutes.")


def scan(
    scanner: FileScanner | None, name: str, data: bytes, *, field: str = "files", unseen: str = UNSEEN
) -> None:
    """Show a file to the scanner, if there is one; without its verdict it is not taken.

    Args:
        data: as it would be kept.
        unseen: what is said when there is no verdict.

    Raises:
        Invalid: on *field*.
    """
    if scanner is None:
        return
    try:
        found = scanner.scan(data)
    except ScanFailed:
        log.exception("a file could not be scanned")
        raise Invalid(unseen, field=field, name=name) from None
    if found:
        raise Invalid(
            N_("%(name)s carries a virus (%(found)s) and was not taken."),
            field=field,
            name=name,
            found=found[:80],
        )


def scan_all(
    scanner: FileScanner | None, files: Sequence[Checked], *, field: str = "files", unseen: str = UNSEEN
) -> None:
    """The same for each of *files*."""
    for one in files:
        scan(scanner, one.name, one.data, field=field, unseen=unseen)
