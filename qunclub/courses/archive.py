"""A course's folder as one .zip: made for download, and taken apart with suspicion when somebody uploads one."""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from . import folder, folder_files
from .folder import Broken, CourseText

MOST_BYTES = 200_000_000
MOST_UNPACKED = 40_000_000
"""How large all texts may be; the files beside them are kept packed as they are, and bound by the archive itself."""
MOST_FILES = 500
MOST_RATIO = 200
"""How many times its packed size a file may have: text shrinks to a tenth, only a bomb to a thousandth."""
# The same course gives the same archive.
STAMP = (2000, 1, 1, 0, 0, 0)


def pack(course: CourseText) -> bytes:
    """The folder of *course*, in a folder of its slug."""
    buffer = io.BytesIO()
    with (
        tempfile.TemporaryDirectory() as scratch,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        home = Path(scratch) / "course"
        for path in folder.write(course, home):
            entry = zipfile.ZipInfo(f"{course.slug}/{path.relative_to(home).as_posix()}", STAMP)
            # Sound, film and pictures are packed in themselves.
            entry.compress_type = zipfile.ZIP_DEFLATED if path.parent == home else zipfile.ZIP_STORED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def unpack(data: bytes) -> CourseText:
    """The course in an uploaded archive: its files at the top, or all in one folder.

    Raises:
        Broken: naming every file that cannot be taken and what to do about it; nothing was written outside.
    """
    if len(data) > MOST_BYTES:
        raise Broken(
            [
                f"the archive is larger than {MOST_BYTES // 1_000_000} MB; take out its largest files, add them on the "
                "course's page of files, then import again"
            ]
        )
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
    """The files of the course by their place in its folder."""
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
        if (entry.is_dir() and _plain(name)) or any(part in folder_files.CLUTTER for part in parts):
            continue
        problem = _problem(entry, name)
        if problem:
            problems.append(f"{_shown(name)}: {problem}")
            continue
        place, top = _place(parts)
        tops.add(top)
        if place.casefold() in {one.casefold() for one in entries}:
            problems.append(f"{_shown(name)}: the archive holds this file twice; keep one of them")
        entries[place] = entry
    if len(tops) > 1:
        problems.append("the files lie in several folders; put course.toml and all lessons into one")
    texts, files = _sizes(entries)
    if texts > MOST_UNPACKED:
        problems.append(
            f"unpacked it is larger than {MOST_UNPACKED // 1_000_000} MB; split the course in two"
        )
    if files > MOST_BYTES:
        problems.append(
            f"its files are larger than {MOST_BYTES // 1_000_000} MB when unpacked; add the largest on the course's "
            "page of files"
        )
    if problems:
        raise Broken(problems)
    return entries


def _is_text(name: str) -> bool:
    return name == folder.COURSE_FILE or name.endswith(".md")


def _place(parts: tuple[str, ...]) -> tuple[str, str]:
    """(the place in the course's folder, the folder that it lies in)."""
    inner = parts[-1:] if _is_text(parts[-1]) else parts[-2:]
    outer = parts[: -len(inner)]
    return "/".join(inner), outer[0] if outer else ""


def _sizes(entries: dict[str, zipfile.ZipInfo]) -> tuple[int, int]:
    """How large the texts are unpacked, and the files beside them."""
    sizes = {name: entry.file_size for name, entry in entries.items()}
    texts = sum(size for name, size in sizes.items() if _is_text(name))
    return texts, sum(sizes.values()) - texts


def _problem(entry: zipfile.ZipInfo, name: str) -> str:
    parts = PurePosixPath(name).parts
    if not _plain(name):
        return "this name leads out of the folder; rename the file"
    if entry.flag_bits & 0x1:
        return "the file is locked with a password; pack it without one"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "this is a link and not a file; put the file itself in its place"
    if not _is_text(parts[-1]):
        if len(parts) < 2 or parts[-2] != folder_files.FILES:
            return (
                "only course.toml, lessons ending in .md and what lies in files/ can be imported; take it out"
            )
        return "it lies too deep; files/ lies beside course.toml" if len(parts) > 3 else ""
    if len(parts) > 2:
        return "it lies too deep; course.toml and the lessons lie beside each other"
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
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(content)
    if problems:
        raise Broken(problems)
