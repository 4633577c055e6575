"""The one picture of an entry: recognised by what it contains, decoded and written anew, kept under a random key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import filetype

from qunclub.kernel import N_, Invalid, ids
from qunclub.kernel.ports import FileStore
from qunclub.kernel.uploads import IMAGES, reencode

from .services import Picture

FIELD = "picture"
ACCEPT = ".png,.jpg,.jpeg,.webp,.gif"


def checked(name: str, data: bytes, *, max_bytes: int) -> tuple[str, bytes]:
    """The picture as it will be kept: its type, and bytes that hold pixels only.

    Raises:
        Invalid: on field ``picture``, when it is empty, too large, or not a picture.
    """
    shown = name.replace("\\", "/").rpartition("/")[2][:60] or "?"
    if not data:
        raise Invalid(N_("%(name)s is empty."), field=FIELD, name=shown)
    if len(data) > max_bytes:
        raise Invalid(
            N_("%(name)s is larger than %(limit)s MB."),
            field=FIELD,
            name=shown,
            limit=max(1, max_bytes // 1_000_000),
        )
    kind = filetype.guess_mime(data)
    if kind not in IMAGES:
        raise Invalid(
            N_("%(name)s is not a picture the club takes: PNG, JPEG, WebP or GIF."), field=FIELD, name=shown
        )
    return reencode(data, kind, shown, field=FIELD)


@contextmanager
def kept(store: FileStore, found: tuple[str, bytes] | None) -> Iterator[Picture | None]:
    """Keep the bytes before the transaction that names them; forget them when it fails."""
    if found is None:
        yield None
        return
    kind, data = found
    key = f"contests/{ids.token(24)}"
    try:
        store.put(key, data)
        yield key, kind
    except BaseException:
        store.delete(key)
        raise
