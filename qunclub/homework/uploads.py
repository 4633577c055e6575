"""Files from outside are hostile until shown otherwise: counted, measured, recognised by content, renamed, re-encoded.

What cannot be recognised is refused. Pictures are decoded and written anew, which leaves behind whatever was hidden in
them. Of archives and office files only the list of contents is read and nothing is unpacked: what is no bomb and has no
macro is kept as it is and only ever given out as an attachment.
"""

from __future__ import annotations

import io
import struct
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import filetype

from qunclub.kernel import N_, Invalid, scanning
from qunclub.kernel.ports import FileScanner
from qunclub.kernel.uploads import (
    IMAGES,
    MAX_NAME,
    PICTURES,
    SHOWN_SIDE,
    Checked,
    Upload,
    clean_name,
    ending_of,
    named,
    reencode,
)

__all__ = [
    "ACCEPT",
    "MAX_NAME",
    "OFFICE",
    "PICTURES",
    "SHOWN_SIDE",
    "Checked",
    "Limits",
    "Upload",
    "check",
    "check_all",
    "clean_name",
    "scan_all",
]
UNSEEN = N_(
    "%(name)s could not be checked for viruses, so nothing was handed in. "
    "Your text is kept; try again in a few minutes."
)
MAX_MEMBERS = 5_000
MAX_RATIO = 100
# Small archives may fold well; beyond this nothing may.
MAX_UNPACKED = 50_000_000
HUGE_UNPACKED = 1_000_000_000
OFFICE = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ZIP = "application/zip"
TEXTS = {".txt": "text/plain", ".md": "text/plain"}
ACCEPT = ".png,.jpg,.jpeg,.webp,.gif,.pdf,.pptx,.docx,.xlsx,.zip,.txt,.md"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one attempt may carry."""

    max_files: int
    max_bytes: int


def check_all(uploads: Sequence[Upload], limits: Limits) -> list[Checked]:
    """Every file checked, with names that differ.

    Raises:
        Invalid: on field ``files``, naming the first file that cannot be taken.
    """
    if len(uploads) > limits.max_files:
        raise Invalid(N_("At most %(most)s files can be added."), field="files", most=limits.max_files)
    found: list[Checked] = []
    for upload in uploads:
        one = check(upload, limits)
        taken = {other.name.casefold() for other in found}
        name, count = one.name, 1
        while name.casefold() in taken:
            count += 1
            stem, dot, ending = one.name.rpartition(".")
            name = f"{stem}-{count}{dot}{ending}"
        found.append(Checked(name, one.content_type, one.data))
    return found


def check(upload: Upload, limits: Limits) -> Checked:
    """One file, recognised by what it contains and made harmless.

    Raises:
        Invalid: when it is empty, too large, or not a type the club takes.
    """
    shown = clean_name(upload.name)
    if not upload.data:
        raise Invalid(N_("%(name)s is empty."), field="files", name=shown)
    if len(upload.data) > limits.max_bytes:
        raise Invalid(
            N_("%(name)s is larger than %(limit)s MB."),
            field="files",
            name=shown,
            limit=max(1, limits.max_bytes // 1_000_000),
        )
    ending = ending_of(upload.name)
    kind = filetype.guess_mime(upload.data)
    if kind in IMAGES:
        content_type, data = reencode(upload.data, kind, shown)
        return Checked(named(shown, IMAGES[kind][1]), content_type, data)
    if kind == "application/pdf" and ending == ".pdf":
        return Checked(named(shown, ".pdf"), "application/pdf", upload.data)
    if (kind == ZIP and ending in (".zip", *OFFICE)) or (
        kind in OFFICE.values() and OFFICE.get(ending) == kind
    ):
        _look_into(upload.data, shown, office=ending in OFFICE)
        return Checked(named(shown, ending), OFFICE.get(ending, ZIP), upload.data)
    if kind is None and ending in TEXTS:
        return Checked(named(shown, ending), TEXTS[ending], _text(upload.data, shown))
    raise Invalid(
        N_("%(name)s is not a file the club takes: pictures, PDF, PPTX, DOCX, XLSX, ZIP, TXT or MD."),
        field="files",
        name=shown,
    )


def _look_into(data: bytes, shown: str, *, office: bool) -> None:
    """Refuse an archive that would hurt whoever unpacks it, by what its own list of contents says."""
    # Counted before the list is read: reading a list of a million entries is a bomb of its own.
    if data.count(b"PK\x01\x02") > MAX_MEMBERS:
        raise Invalid(N_("%(name)s holds too many files."), field="files", name=shown)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    # All that zipfile raises of a damaged list; NotImplementedError of archives in a form that Python does not read.
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        raise Invalid(N_("%(name)s is a damaged archive."), field="files", name=shown) from None
    # Entries that lie over one another claim more than the file holds.
    if (
        sum(one.file_size for one in members) > max(MAX_UNPACKED, MAX_RATIO * len(data))
        or sum(one.file_size for one in members) > HUGE_UNPACKED
        or sum(one.compress_size for one in members) > len(data)
    ):
        raise Invalid(N_("%(name)s would unfold to far more than it is."), field="files", name=shown)
    for one in members:
        path = one.filename.replace("\\", "/")
        if path.startswith("/") or ".." in path.split("/") or path[1:2] == ":":
            raise Invalid(
                N_("%(name)s holds files that would be unpacked outside their folder."),
                field="files",
                name=shown,
            )
        if office and path.lower().endswith(("vbaproject.bin", "vbadata.xml")):
            raise Invalid(
                N_("%(name)s holds macros. Save it without them and add it again."), field="files", name=shown
            )


def scan_all(scanner: FileScanner | None, files: Sequence[Checked]) -> None:
    """Show every file of a work to the scanner, if there is one; without its verdict nothing is handed in.

    Raises:
        Invalid: on field ``files``.
    """
    scanning.scan_all(scanner, files, unseen=UNSEEN)


def _text(data: bytes, shown: str) -> bytes:
    """Plain text as UTF-8; Windows' Chinese encoding is understood, anything with control characters refused."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(
            unicodedata.category(ch) in ("Cc", "Cs", "Co", "Cn") and ch not in "\t\n\r\f" for ch in text
        ):
            return text.encode()
    raise Invalid(N_("%(name)s is not plain text."), field="files", name=shown)
