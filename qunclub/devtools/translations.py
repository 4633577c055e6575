"""Whether every text of the club has exactly one Chinese translation, and every translation a text.

``--only members`` tells of one capability; ``--stub`` prints the missing ones as lines for its catalogue.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po

from .msgids import ROOT, Mistake, Text, everything

FOLDER = ROOT / "qunclub" / "translations" / "zh_Hans_CN"
FRAME = {"kernel", "web", "admin", "api"}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
MSGID = re.compile(r'^msgid ((?:"(?:[^"\\]|\\.)*"\s*)+)', re.MULTILINE)


@dataclass
class Report:
    """What is wrong: (capability, sentence) pairs, and the texts without a translation."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    missing: dict[tuple[str, str], list[Text]] = field(default_factory=lambda: defaultdict(list))

    def say(self, capability: str, sentence: str) -> None:
        """Add a finding."""
        self.lines.append((capability, sentence))


def capability_of(file: str) -> str:
    """Which catalogue a file's texts belong to: its capability, or ``common`` for the frame."""
    parts = Path(file).parts
    inside = parts[2:] if parts[:2] == ("templates", "qunclub") else parts[1:]
    return inside[0] if len(inside) > 1 and inside[0] not in FRAME else "common"


def read(path: Path) -> Catalog:
    """One catalogue."""
    with path.open("rb") as handle:
        return read_po(handle, locale="zh_Hans_CN", abort_invalid=True)


def forms(message: Message) -> list[str]:
    """The translations of a message, one for most."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def identity(message: Message) -> tuple[str, str]:
    """(msgid, plural) of a message."""
    return (message.id, "") if isinstance(message.id, str) else (message.id[0], message.id[1])


def check_message(message: Message, used: set[tuple[str, str]]) -> Iterator[str]:
    """What is wrong with one translation."""
    msgid, plural = identity(message)
    if (msgid, plural) not in used:
        yield "is used nowhere" if not any(msgid == one for one, _ in used) else "has another plural in use"
    if message.fuzzy:
        yield "is marked fuzzy"
    known = set(PLACEHOLDER.findall(msgid + plural))
    for text in forms(message):
        if not text.strip():
            yield "has no translation"
        strange = set(PLACEHOLDER.findall(text)) - known
        lost = known - set(PLACEHOLDER.findall(text)) - {"num", "n"}
        if text.strip() and (strange or lost):
            yield f"has other placeholders than its translation: {', '.join(sorted(strange | lost))}"


def repeated(source: str) -> Iterator[str]:
    """Msgids that stand in one file twice; the parser would keep one of them in silence."""
    found = Counter(
        "".join(part.strip().strip('"') for part in m.splitlines()) for m in MSGID.findall(source)
    )
    yield from (msgid for msgid, times in found.items() if times > 1 and msgid)


def check(texts: Iterable[Text | Mistake], folder: Path = FOLDER) -> Report:
    """Hold the texts against the catalogues in *folder*."""
    report = Report()
    wanted: dict[tuple[str, str], list[Text]] = defaultdict(list)
    for item in texts:
        if isinstance(item, Mistake):
            report.say(capability_of(item.file), f"{item.file}:{item.line}: {item.reason}")
        else:
            wanted[(item.msgid, item.plural)].append(item)
    homes: dict[str, list[str]] = defaultdict(list)
    have: set[tuple[str, str]] = set()
    for path in sorted(folder.glob("*.po")):
        try:
            catalogue = read(path)
        except PoFileError as error:
            report.say(path.stem, f"{path.name} cannot be read: {error}")
            continue
        for msgid in repeated(path.read_text(encoding="utf-8")):
            report.say(path.stem, f"{path.name}: {msgid!r} stands there twice")
        for message in catalogue:
            if not message.id:
                continue
            homes[identity(message)[0]].append(path.stem)
            have.add(identity(message))
            for wrong in check_message(message, set(wanted)):
                report.say(path.stem, f"{path.name}:{message.lineno}: {identity(message)[0]!r} {wrong}")
    for msgid, stems in sorted(homes.items()):
        if len(stems) > 1:
            for stem in stems:
                report.say(stem, f"{msgid!r} is in several catalogues: {', '.join(stems)}")
    # A text used both alone and with a plural has one entry, the one with the plural.
    singulars = {msgid for msgid, _ in have}
    for key, uses in sorted(wanted.items()):
        if key not in have and not (key[1] == "" and key[0] in singulars):
            report.missing[key] = uses
    return report


def quoted(text: str) -> str:
    """*text* as a PO string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def stub(key: tuple[str, str], uses: list[Text]) -> str:
    """An empty catalogue entry."""
    plural = f"msgid_plural {quoted(key[1])}\nmsgstr[0]" if key[1] else "msgstr"
    return f'#: {uses[0].where}\nmsgid {quoted(key[0])}\n{plural} ""\n'


def main(arguments: list[str] | None = None) -> int:
    """Print the findings; 1 when there are any."""
    parser = argparse.ArgumentParser(prog="translations", description=__doc__)
    parser.add_argument("--only", metavar="CAPABILITY", help="tell of one capability only")
    parser.add_argument("--stub", action="store_true", help="print the missing entries for pasting")
    options = parser.parse_args(arguments)
    report = check(everything())
    lines = [text for capability, text in report.lines if options.only in (None, capability)]
    missing = {
        key: uses
        for key, uses in report.missing.items()
        if options.only is None or any(capability_of(use.file) == options.only for use in uses)
    }
    for line in lines:
        print(line)
    for key, uses in sorted(missing.items(), key=lambda entry: (entry[1][0].file, entry[1][0].line)):
        print(stub(key, uses) if options.stub else f"{uses[0].where}: {key[0]!r} has no translation")
    if lines or missing:
        print(f"Translations: {len(missing)} missing, {len(lines)} other findings.")
    return 1 if lines or missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
