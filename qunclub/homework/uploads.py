"""Files from outside are hostile until shown otherwise: counted, measured, recognised by content, renamed, re-encoded.

What cannot be recognised is refused. Pictures are decoded and written anew, which leaves behind whatever was hidden in
them. Archives and office files are never opened: they are kept as they are and only ever given out as attachments.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import filetype

from qunclub.kernel import N_, Invalid, ids
from qunclub.kernel.ports import FileStore
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

from .rules import StoredFile

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
    "stored",
]
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
        return Checked(named(shown, ending), OFFICE.get(ending, ZIP), upload.data)
    if kind is None and ending in TEXTS:
        return Checked(named(shown, ending), TEXTS[ending], _text(upload.data, shown))
    raise Invalid(
        N_("%(name)s is not a file the club takes: pictures, PDF, PPTX, DOCX, XLSX, ZIP, TXT or MD."),
        field="files",
        name=shown,
    )


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


@contextmanager
def stored(store: FileStore, files: Sequence[Checked]) -> Iterator[list[StoredFile]]:
    """Keep the bytes under random keys before the transaction that names them; forget them when it fails."""
    kept: list[StoredFile] = []
    try:
        for one in files:
            key = f"homework/{ids.token(24)}"
            digest = hashlib.sha256(one.data).hexdigest()
            kept.append(StoredFile(one.name, one.content_type, len(one.data), digest, key))
            store.put(key, one.data)
        yield kept
    except BaseException:
        for entry in kept:
            store.delete(entry.storage_key)
        raise
