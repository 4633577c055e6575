"""A course as a folder: ``course.toml``, a Markdown file with front matter for each lesson, and ``files/``.

Pure: folders are read and written here, the database is ``services_folder``'s. What is written reads back the same to
the last character, and what cannot be read says which file, which line and what to do about it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qunclub.kernel import Invalid

from . import folder_files, rules, rules_conditions, rules_media
from .folder_files import FolderFile
from .rules_conditions import NOTHING, Asks
from .services_lessons import LessonDraft

FENCE = "+++\n"
COURSE_FILE = "course.toml"
COURSE_KEYS: Mapping[str, type] = {
    "slug": str, "title": str, "summary": str, "ordered": bool, "certificate": bool,
    "state": str, "tier": str, "groups": list, "roles": list, "season": str, "season_window": str,
    "description": str,
}  # fmt: skip
LESSON_KEYS: Mapping[str, type] = {
    "slug": str, "title": str, "summary": str, "minutes": int, "preview": bool, "state": str,
    "opens_at": dt.datetime, "opens_after_days": int, "kind": str, "media": str, "live_url": str,
    "live_starts_at": dt.datetime, "live_ends_at": dt.datetime,
}  # fmt: skip
ASK_KEYS = ("tier", "groups", "roles", "season", "season_window")
KIND_KEYS = ("media", "live_url", "live_starts_at", "live_ends_at")
KINDS = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number",
    dt.datetime: "a date and time",
    list: "a list of texts in quotes",
}
EXAMPLES = {
    "minutes": "minutes = 12", "preview": "preview = true", "opens_at": "opens_at = 2026-03-01T08:00:00Z",
    "opens_after_days": "opens_after_days = 7", "ordered": "ordered = false", "state": 'state = "published"',
    "certificate": "certificate = true", "kind": 'kind = "video"', "media": 'media = "film.mp4"',
    "live_url": 'live_url = "https://…"', "live_starts_at": "live_starts_at = 2026-03-01T12:00:00Z",
    "live_ends_at": "live_ends_at = 2026-03-01T13:00:00Z", "groups": 'groups = ["readers-1"]',
    "roles": 'roles = ["host", "core"]', "season_window": 'season_window = "during"',
}  # fmt: skip


class Broken(Exception):
    """A folder that cannot be read as a course: every problem with its file, its line and the remedy.

    Attributes:
        problems: one line each, such as ``01-first.md:3: minutes has to be a whole number; write minutes = 12``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class CourseText:
    """A course as it is written down.

    Attributes:
        files: what lies in ``files/``, by name.
        places: where a fact or the name of a file stands, such as ``tier`` in ``course.toml:4``, a lesson's medium
            under ``media:<slug>``: for what only the club can check.
    """

    slug: str
    title: str
    summary: str = ""
    description: str = ""
    ordered: bool = False
    state: str = "draft"
    lessons: tuple[LessonDraft, ...] = ()
    certificate: bool = False
    asks: Asks = NOTHING
    files: tuple[FolderFile, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


def read(folder: Path) -> CourseText:
    """The course in *folder*.

    Raises:
        Broken: naming every file, line and remedy; nothing was changed.
    """
    problems: list[str] = []
    head = folder / COURSE_FILE
    if not head.is_file():
        raise Broken(
            [f"{COURSE_FILE}: there is no such file in {folder.name}; write one with at least slug and title"]
        )
    source = _text(head, problems)
    facts = _toml(source, COURSE_FILE, 0, COURSE_KEYS, problems)
    lessons: list[LessonDraft] = []
    taken: dict[str, str] = {}
    places: dict[str, str] = {}
    for path in sorted(folder.glob("*.md")):
        lesson = _lesson(path, problems)
        if lesson is None:
            continue
        if lesson.slug in taken:
            problems.append(
                f"{path.name}:{_line_of('slug', _text(path, []))}: the slug {lesson.slug} is used by "
                f"{taken[lesson.slug]} too; give each lesson its own"
            )
        taken[lesson.slug] = path.name
        lessons.append(lesson)
        folder_files.note_places(lesson, path.name, _text(path, []), places)
    if not any(folder.glob("*.md")):
        problems.append(f"{COURSE_FILE}: the folder has no lessons; add files such as 01-first.md beside it")
    for key in ("slug", "title"):
        if not problems and not str(facts.get(key, "")).strip():
            problems.append(f'{COURSE_FILE}:1: {key} is missing; write {key} = "…"')
    if facts.get("slug"):
        _check_slug(facts["slug"], COURSE_FILE, source, problems)
    _check_state(facts, COURSE_FILE, source, problems)
    asks = _asks(facts, source, problems)
    folder_files.note_names(facts.get("description", ""), COURSE_FILE, source, places)
    files = folder_files.read_files(folder, problems)
    if not problems:
        named = folder_files.named_by(facts.get("description", ""), lessons)
        problems += folder_files.unnamed(files, named)
    if problems:
        raise Broken(problems)
    return CourseText(
        slug=facts["slug"],
        title=facts["title"],
        summary=facts.get("summary", ""),
        description=facts.get("description", ""),
        ordered=facts.get("ordered", False),
        state=facts.get("state", "draft"),
        lessons=tuple(lessons),
        certificate=facts.get("certificate", False),
        asks=asks,
        files=files,
        places=places | {key: f"{COURSE_FILE}:{_line_of(key, source)}" for key in ASK_KEYS if key in facts},
    )


def write(course: CourseText, folder: Path) -> list[Path]:
    """Write *course* into *folder* (made when missing); returns the files.

    Raises:
        FileExistsError: when the folder holds a course or lessons already: an old file must not stay between new ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    old = (*folder.glob("*.md"), *folder.glob(COURSE_FILE), *folder.glob(f"{folder_files.FILES}/*"))
    there = sorted(path.name for path in old)
    if there:
        raise FileExistsError(f"{folder} holds {there[0]} already; name an empty or a new folder.")
    facts: dict[str, Any] = {
        "slug": course.slug, "title": course.title, "summary": course.summary, "ordered": course.ordered,
        "certificate": course.certificate, "state": course.state,
    }  # fmt: skip
    facts |= {key: value for key in ASK_KEYS if (value := getattr(course.asks, key))}
    facts["description"] = course.description
    files = {COURSE_FILE: _written(facts)}
    width = max(2, len(str(len(course.lessons))))
    for place, lesson in enumerate(course.lessons, 1):
        files[f"{place:0{width}}-{lesson.slug}.md"] = _lesson_file(lesson)
    paths = []
    for name, content in files.items():
        path = folder / name
        path.write_text(content, encoding="utf-8", newline="")
        paths.append(path)
    return [*paths, *folder_files.write_files(course.files, folder)]


def _lesson_file(lesson: LessonDraft) -> str:
    facts: dict[str, Any] = {
        "slug": lesson.slug, "title": lesson.title, "summary": lesson.summary, "minutes": lesson.minutes,
        "preview": lesson.is_preview, "state": lesson.state,
    }  # fmt: skip
    if lesson.opens_at is not None:
        facts["opens_at"] = lesson.opens_at
    if lesson.opens_after_days is not None:
        facts["opens_after_days"] = lesson.opens_after_days
    if lesson.kind != "article":
        facts["kind"] = lesson.kind
    facts |= {key: value for key in KIND_KEYS if (value := getattr(lesson, key))}
    return f"{FENCE}{_written(facts)}{FENCE}\n{lesson.body_md}\n"


def _written(facts: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in facts.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_quoted(str(one)) for one in value)}]"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    text = str(value)
    if "\n" in text:
        # A long text stays readable: only what TOML reads as more than itself is escaped.
        body = text.replace("\\", "\\\\").replace('"""', '""\\"')
        body = "".join(_control(char) for char in body)
        # A line of +++ would end the front matter.
        body = re.sub(r"(?m)^\+\+\+$", r"\\u002b++", body)
        if body.endswith('"'):
            body = body[:-1] + '\\"'
        return f'"""\n{body}"""'
    return _quoted(text)


def _quoted(text: str) -> str:
    # JSON's strings are TOML's, but for the delete character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _control(char: str) -> str:
    return char if char in "\n\t" or (char >= " " and char != "\x7f") else f"\\u{ord(char):04x}"


def _text(path: Path, problems: list[str]) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        problems.append(f"{path.name}:{line}: this is not UTF-8 text; save the file as UTF-8")
        return ""


def _lesson(path: Path, problems: list[str]) -> LessonDraft | None:
    before = len(problems)
    source = _text(path, problems)
    if len(problems) > before:
        return None
    if not source.startswith(FENCE):
        problems.append(
            f"{path.name}:1: the file has to begin with a line +++, then slug and title, then +++ again"
        )
        return None
    end = source.find("\n" + FENCE, len(FENCE) - 1)
    if end < 0:
        problems.append(f"{path.name}:1: the front matter has no end; write a line +++ below it")
        return None
    front, body = source[len(FENCE) : end + 1], source[end + 1 + len(FENCE) :]
    facts = _toml(front, path.name, 1, LESSON_KEYS, problems)
    if len(problems) > before:
        return None
    for key in ("slug", "title"):
        if not str(facts.get(key, "")).strip():
            problems.append(f'{path.name}:1: {key} is missing; write {key} = "…" between the +++ lines')
    if facts.get("slug"):
        _check_slug(facts["slug"], path.name, source, problems)
    _check_state(facts, path.name, source, problems)
    for key, most in (("minutes", rules.MOST_MINUTES), ("opens_after_days", rules.MOST_DAYS)):
        if not 0 <= facts.get(key, 0) <= most:
            problems.append(
                f"{path.name}:{_line_of(key, source)}: {key} has to be 0 to {most}; write {EXAMPLES[key]}"
            )
    of_kind = _of_kind(facts, path.name, source, problems)
    if len(body) > rules.MAX_TEXT:
        problems.append(
            f"{path.name}:1: the text is longer than {rules.MAX_TEXT} characters; split the lesson in two"
        )
    if len(problems) > before:
        return None
    opens_at = facts.get("opens_at")
    return LessonDraft(
        slug=facts["slug"],
        title=facts["title"],
        summary=facts.get("summary", ""),
        body_md=body.removeprefix("\n").removesuffix("\n"),
        minutes=facts.get("minutes", 0),
        is_preview=facts.get("preview", False),
        state=facts.get("state", "published"),
        opens_at=opens_at.astimezone(dt.UTC) if opens_at is not None else None,
        opens_after_days=facts.get("opens_after_days") or None,
        **of_kind,
    )


def _of_kind(facts: Mapping[str, Any], name: str, source: str, problems: list[str]) -> dict[str, Any]:
    """What belongs to the lesson's kind: its file, or the link and hours of a live session."""
    moments = {
        key: facts[key].astimezone(dt.UTC) if key in facts else None
        for key in ("live_starts_at", "live_ends_at")
    }
    try:
        return rules_media.check_kind(
            facts.get("kind", "article"),
            media=facts.get("media", ""),
            live_url=facts.get("live_url", ""),
            **moments,
        )
    except Invalid as error:
        remedy = (
            f"use {', '.join(rules_media.KINDS)}"
            if error.field == "kind"
            else f"write {EXAMPLES[error.field]}"
        )
        line = _line_of(error.field if error.field in facts else "kind", source)
        problems.append(f"{name}:{line}: {error.field} does not fit the kind of lesson ({error}); {remedy}")
        return {}


def _toml(
    source: str, name: str, above: int, keys: Mapping[str, type], problems: list[str]
) -> dict[str, Any]:
    try:
        facts = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found[1]) + above if found else source.count("\n") + above
        words = re.sub(r" \(at .*\)$", "", str(error))
        problems.append(f'{name}:{line}: this line cannot be read ({words}); write key = "value"')
        return {}
    for key, value in facts.items():
        line = _line_of(key, source) + above
        if key not in keys:
            problems.append(f"{name}:{line}: {key} is not known here; use {', '.join(keys)}")
        elif type(value) is not keys[key] or (
            isinstance(value, list) and not all(isinstance(one, str) for one in value)
        ):
            example = EXAMPLES.get(key, f'{key} = "…"')
            problems.append(f"{name}:{line}: {key} has to be {KINDS[keys[key]]}; write {example}")
        elif isinstance(value, dt.datetime) and value.tzinfo is None:
            problems.append(f"{name}:{line}: {key} lacks its time zone; write {EXAMPLES[key]}")
    return facts


def _asks(facts: Mapping[str, Any], source: str, problems: list[str]) -> Asks:
    """What the course asks beside a pass; whether its names are there is the club's to say."""
    if problems:
        return Asks()
    try:
        return rules_conditions.checked(
            Asks(
                tier=facts.get("tier", ""),
                groups=tuple(facts.get("groups", ())),
                roles=tuple(facts.get("roles", ())),
                season=facts.get("season", ""),
                season_window=facts.get("season_window", ""),
            )
        )
    except Invalid as error:
        remedy = EXAMPLES.get(error.field, "take some out")
        problems.append(f"{COURSE_FILE}:{_line_of(error.field, source)}: {error}; write {remedy}")
        return Asks()


def _line_of(key: str, source: str) -> int:
    for number, line in enumerate(source.split("\n"), 1):
        if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return 1


def _check_slug(slug: str, name: str, source: str, problems: list[str]) -> None:
    if len(slug) > 80 or not rules.SLUG.fullmatch(slug):
        problems.append(
            f"{name}:{_line_of('slug', source)}: {slug!r} cannot stand in an address; use small letters, digits and "
            "single hyphens, at most 80"
        )


def _check_state(facts: Mapping[str, Any], name: str, source: str, problems: list[str]) -> None:
    if facts.get("state", "draft") not in rules.STATES:
        problems.append(f'{name}:{_line_of("state", source)}: state is "published" or "draft"')
