"""A course's folder as one .zip: made for download, and taken apart with suspicion when somebody uploads one."""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from . import folder
from .folder import Broken, CourseText

MOST_BYTES = 10_000_000
MOST_UNPACKED = 40_000_000
MOST_FILES = 500
MOST_RATIO = 200
"""How many times its packed size a file may have: text shrinks to a tenth, only a bomb to a thousandth."""
# What systems put beside the files without being asked.
CLUTTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
# The same course gives the same archive.
STAMP = (2000, 1, 1, 0, 0, 0)


def pack(course: CourseText) -> bytes:
    """The folder of *course*, in a folder of its slug."""
    buffer = io.BytesIO()
    with (
        tempfile.TemporaryDirectory() as scratch,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for path in folder.write(course, Path(scratch) / "course"):
            entry = zipfile.ZipInfo(f"{course.slug}/{path.name}", STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def unpack(data: bytes) -> CourseText:
    """The course in an uploaded archive: its files at the top, or all in one folder.

    Raises:
        Broken: naming every file that cannot be taken and what to do about it; nothing was written outside.
    """
    if len(data) > MOST_BYTES:
        raise Broken([f"the archive is larger than {MOST_BYTES // 1_000_000} MB; take out what is not text"])
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    # zipfile says NotImplementedError of archives in a form that Python does not read.
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise Broken(["the file is not a .zip archive; pack the folder of the course as .zip"]) from None
    with archive, tempfile.TemporaryDirectory() as scratch:
        entries = _entries(archive)
        _write(archive, entries, Path(scratch))
        return folder.read(Path(scratch))


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of the course by their plain name."""
    found = archive.infolist()
    if len(found) > MOST_FILES:
        raise Broken([f"the archive holds {len(found)} files; a course has at most {MOST_FILES}"])
    problems: list[str] = []
    entries: dict[str, zipfile.ZipInfo] = {}
    tops: set[str] = set()
    for entry in found:
        # The name as it stands in the archive: ZipFile itself cuts it at a zero byte.
        name = entry.orig_filename
        parts = PurePosixPath(name).parts
        if (entry.is_dir() and _plain(name)) or any(part in CLUTTER for part in parts):
            continue
        problem = _problem(entry, name)
        if problem:
            problems.append(f"{_shown(name)}: {problem}")
            continue
        tops.add(parts[0] if len(parts) > 1 else "")
        if parts[-1].casefold() in {one.casefold() for one in entries}:
            problems.append(f"{_shown(name)}: the archive holds this file twice; keep one of them")
        entries[parts[-1]] = entry
    if len(tops) > 1:
        problems.append("the files lie in several folders; put course.toml and all lessons into one")
    if sum(entry.file_size for entry in entries.values()) > MOST_UNPACKED:
        problems.append(
            f"unpacked it is larger than {MOST_UNPACKED // 1_000_000} MB; split the course in two"
        )
    if problems:
        raise Broken(problems)
    return entries


def _problem(entry: zipfile.ZipInfo, name: str) -> str:
    parts = PurePosixPath(name).parts
    if not _plain(name):
        return "this name leads out of the folder; rename the file"
    if entry.flag_bits & 0x1:
        return "the file is locked with a password; pack it without one"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "this is a link and not a file; put the file itself in its place"
    if len(parts) > 2:
        return "it lies too deep; course.toml and the lessons lie beside each other"
    if parts[-1] != folder.COURSE_FILE and not parts[-1].endswith(".md"):
        return "only course.toml and lessons ending in .md can be imported; take it out"
    if entry.file_size > MOST_RATIO * max(entry.compress_size, 100):
        return "it grows beyond measure when unpacked; write it anew"
    return ""


def _plain(name: str) -> bool:
    path = PurePosixPath(name)
    return not (
        not path.parts
        or path.is_absolute()
        or "\\" in name
        or ":" in name
        or any(part in ("..", ".") or any(ord(char) < 32 for char in part) for part in name.split("/"))
        or len(name) > 200
    )


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name[:80]) or "?"


def _write(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], target: Path) -> None:
    problems = []
    for name, entry in entries.items():
        try:
            with archive.open(entry) as packed:
                # The header's size is only a claim: no more than that is ever read.
                content = packed.read(entry.file_size + 1)
        # All that zipfile raises of a damaged, encrypted (RuntimeError) or oddly packed (NotImplementedError) entry.
        except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError):
            problems.append(f"{name}: the file is damaged; pack the folder anew")
            continue
        except Exception as error:  # zlib, lzma and bz2 each have errors of their own
            problems.append(
                f"{name}: the file cannot be unpacked ({type(error).__name__}); pack the folder anew"
            )
            continue
        if len(content) > entry.file_size:
            problems.append(f"{name}: it is larger than it says; pack the folder anew")
            continue
        (target / name).write_bytes(content)
    if problems:
        raise Broken(problems)
