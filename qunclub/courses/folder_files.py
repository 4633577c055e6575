"""The files of a course in its folder: ``files/`` beside the lessons, each named by a lesson or the description."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from qunclub.kernel import Invalid, render_markdown
from qunclub.kernel.plain_pictures import is_plain
from qunclub.kernel.uploads import PICTURES, Checked, Upload

from . import media_files, rules_media
from .services_lessons import LessonDraft

FILES = "files"
MOST_TOTAL = 1_000_000_000
"""How many bytes the files of one folder may have in all: they are held in memory until they are kept."""
# What systems put beside the files without being asked.
CLUTTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file as it lies in the folder; nothing of it is believed before :func:`checked`."""

    name: str
    data: bytes = field(repr=False)


def read_files(folder: Path, problems: list[str]) -> tuple[FolderFile, ...]:
    """What lies in ``files/``, by name; what is no file is a problem."""
    home = folder / FILES
    if not home.exists():
        return ()
    if home.is_symlink() or not home.is_dir():
        problems.append(f"{FILES}: this has to be a folder; put the course's files into it")
        return ()
    found: list[FolderFile] = []
    total = 0
    for path in sorted(home.iterdir(), key=lambda one: one.name):
        if path.name in CLUTTER:
            continue
        if path.is_symlink() or not path.is_file():
            problems.append(
                f"{FILES}/{path.name}: this is a link or a folder and not a file; put the file itself in its place"
            )
            continue
        total += path.stat().st_size
        if total > MOST_TOTAL:
            problems.append(
                f"{FILES}: its files are larger than {MOST_TOTAL // 1_000_000} MB in all; take the largest out and "
                "add them on the course's page of files"
            )
            return ()
        found.append(FolderFile(unicodedata.normalize("NFC", path.name), path.read_bytes()))
    return tuple(found)


def names_in_text(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """(every file that a Markdown text names, those it shows as pictures)."""
    if not any(mark in source for mark in ("](", "]:", "<")):
        # Most texts name nothing, and rendering costs more than all else here.
        return frozenset(), frozenset()
    html = render_markdown(source)
    return rules_media.names_in(html), rules_media.pictures_in(html)


def note_names(text: str, file_name: str, source: str, places: dict[str, str]) -> None:
    """Remember where *source*, the file *file_name* that holds *text*, names each file for the first time."""
    for name in names_in_text(text)[0]:
        places.setdefault(name, f"{file_name}:{_line_with(name, source)}")


def note_places(lesson: LessonDraft, file_name: str, source: str, places: dict[str, str]) -> None:
    """Remember where a lesson names its files, and its medium under ``media:<slug>``."""
    note_names(lesson.body_md, file_name, source, places)
    if lesson.media:
        found = re.search(r"(?m)^\s*[\"']?media[\"']?\s*=", source)
        place = f"{file_name}:{source[: found.end()].count(chr(10)) + 1 if found else 1}"
        places[f"media:{lesson.slug}"] = place
        places.setdefault(lesson.media, place)


def _line_with(name: str, source: str) -> int:
    for words in (f"({name}", f"({quote(name)}", f"<{name}", f": {name}", name):
        if words in source:
            return source[: source.index(words)].count("\n") + 1
    return 1


def named_by(description: str, lessons: Iterable[LessonDraft]) -> frozenset[str]:
    """Every file that a course's description and lessons name."""
    found = set(names_in_text(description)[0])
    for one in lessons:
        found |= names_in_text(one.body_md)[0]
        if one.media:
            found.add(one.media)
    return frozenset(found)


def unnamed(files: Sequence[FolderFile], named: frozenset[str]) -> list[str]:
    """One line for each file that nothing names."""
    return [
        f"{FILES}/{one.name}: no lesson and no description names this file; name it in a text or as media, or take it "
        "out"
        for one in files
        if one.name not in named
    ]


def check_files(
    files: Sequence[FolderFile], *, max_bytes: int, places: Mapping[str, str]
) -> tuple[list[Checked], list[str]]:
    """The files as they will be kept, and one line for each that cannot be.

    The type is found in the content. A picture with more in it than pixels is written anew; one that is as the club
    writes pictures stays as it is to the last byte, as sound, film and documents do.
    """
    kept: list[Checked] = []
    problems: list[str] = []
    for one in files:
        where = f"{FILES}/{one.name}"
        line = places.get(one.name, "")
        named = f" (named in {line})" if line else ""
        try:
            found = media_files.check(Upload(one.name, one.data), max_bytes=max_bytes)
        except Invalid as error:
            problems.append(f"{where}{named}: {error}; put another file in its place")
            continue
        if found.name != one.name:
            problems.append(
                f"{where}{named}: its content is {found.content_type}; name it {found.name}, there and in the texts"
            )
            continue
        if found.content_type in PICTURES and is_plain(one.data, found.content_type):
            found = Checked(found.name, found.content_type, one.data)
        kept.append(found)
    return kept, problems


def write_files(files: Sequence[FolderFile], folder: Path) -> list[Path]:
    """Write *files* into ``files/`` of *folder*; the paths."""
    paths = []
    for one in files:
        path = folder / FILES / one.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(one.data)
        paths.append(path)
    return paths
