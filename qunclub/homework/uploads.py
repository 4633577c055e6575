"""Files from outside are hostile until shown otherwise: counted, measured, recognised by content, renamed, re-encoded.

What cannot be recognised is refused. Pictures are decoded and written anew, which leaves behind whatever was hidden in
them. Archives and office files are never opened: they are kept as they are and only ever given out as attachments.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import filetype

from qunclub.kernel import N_, Invalid, ids
from qunclub.kernel.pictures import IMAGES, reencode
from qunclub.kernel.pictures import PICTURES as PICTURES
from qunclub.kernel.pictures import SHOWN_SIDE as SHOWN_SIDE
from qunclub.kernel.ports import FileStore

from .rules import StoredFile

MAX_NAME = 100
OFFICE = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ZIP = "application/zip"
TEXTS = {".txt": "text/plain", ".md": "text/plain"}
ACCEPT = ".png,.jpg,.jpeg,.webp,.gif,.pdf,.pptx,.docx,.xlsx,.zip,.txt,.md"
RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)$")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """A file as it will be kept."""

    name: str
    content_type: str
    data: bytes


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
    ending = _ending(upload.name)
    kind = filetype.guess_mime(upload.data)
    if kind in IMAGES:
        content_type, data = reencode(upload.data, kind, shown)
        return Checked(_named(shown, IMAGES[kind][1]), content_type, data)
    if kind == "application/pdf" and ending == ".pdf":
        return Checked(_named(shown, ".pdf"), "application/pdf", upload.data)
    if (kind == ZIP and ending in (".zip", *OFFICE)) or (
        kind in OFFICE.values() and OFFICE.get(ending) == kind
    ):
        return Checked(_named(shown, ending), OFFICE.get(ending, ZIP), upload.data)
    if kind is None and ending in TEXTS:
        return Checked(_named(shown, ending), TEXTS[ending], _text(upload.data, shown))
    raise Invalid(
        N_("%(name)s is not a file the club takes: pictures, PDF, PPTX, DOCX, XLSX, ZIP, TXT or MD."),
        field="files",
        name=shown,
    )


def clean_name(name: str) -> str:
    """A file name without folders, control or invisible characters, and not longer than the club keeps.

    >>> clean_name("../../etc/passwd")
    'passwd'
    """
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # Cc: control, Cf: invisible and direction-changing, Cs/Co/Cn: not characters at all.
    kept = "".join(ch for ch in base if unicodedata.category(ch) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    kept = re.sub(r'[<>:"|?*%\s]+', " ", kept).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    if not dot:
        stem, ending = kept, ""
    if RESERVED.match(stem) or not stem:
        stem = f"file {stem}".strip()
    return f"{stem[: MAX_NAME - len(ending) - 1]}{dot}{ending}" if len(ending) <= 10 else stem[:MAX_NAME]


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


def _ending(name: str) -> str:
    base = clean_name(name)
    return "." + base.rpartition(".")[2].lower() if "." in base else ""


def _named(shown: str, ending: str) -> str:
    stem = shown.rpartition(".")[0] if "." in shown else shown
    # shot.php.png would be a script to a careless server that it is copied to.
    return f"{stem.replace('.', '_')}{ending}"


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
