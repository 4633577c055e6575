"""Files for lessons are hostile until shown otherwise: recognised by content, measured, pictures written anew.

Sound and film are kept as they are and played; PDF, office files and archives are kept, and are only downloads.
"""

from __future__ import annotations

import filetype

from qunclub.kernel import N_, Invalid
from qunclub.kernel.uploads import (
    AUDIO,
    IMAGES,
    SAME,
    Checked,
    Upload,
    clean_name,
    ending_of,
    named,
    reencode,
)

from .rules_media import VIDEO, file_name

OFFICE = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ZIP = "application/zip"
PDF = "application/pdf"
ACCEPT = ".png,.jpg,.jpeg,.webp,.gif,.mp3,.m4a,.ogg,.wav,.mp4,.webm,.pdf,.pptx,.docx,.xlsx,.zip"


def check(upload: Upload, *, max_bytes: int) -> Checked:
    """One file, recognised by what it contains.

    Raises:
        Invalid: when it is empty, too large, or not a type the club takes.
    """
    shown = clean_name(upload.name)
    if not upload.data:
        raise Invalid(N_("%(name)s is empty."), field="files", name=shown)
    if len(upload.data) > max_bytes:
        raise Invalid(
            N_("%(name)s is larger than %(limit)s MB."),
            field="files",
            name=shown,
            limit=max(1, max_bytes // 1_000_000),
        )
    ending = ending_of(upload.name)
    kind = filetype.guess_mime(upload.data)
    kind = SAME.get(kind, kind)
    if kind in IMAGES:
        content_type, data = reencode(upload.data, kind, shown)
        return Checked(file_name(named(shown, IMAGES[kind][1])), content_type, data)
    if kind in AUDIO or kind in VIDEO:
        return Checked(file_name(named(shown, {**AUDIO, **VIDEO}[kind])), kind, upload.data)
    if kind == PDF and ending == ".pdf":
        return Checked(file_name(named(shown, ".pdf")), PDF, upload.data)
    if (kind == ZIP and ending in (".zip", *OFFICE)) or (
        kind in OFFICE.values() and OFFICE.get(ending) == kind
    ):
        return Checked(file_name(named(shown, ending)), OFFICE.get(ending, ZIP), upload.data)
    raise Invalid(
        N_(
            "%(name)s is not a file the club takes: pictures, MP3, M4A, OGG, WAV, MP4, WebM, PDF, PPTX, DOCX, XLSX or "
            "ZIP."
        ),
        field="files",
        name=shown,
    )
