"""The translations check sees what it is for."""

from __future__ import annotations

from pathlib import Path

from qunclub.devtools.msgids import Mistake, Text, in_python, in_template
from qunclub.devtools.translations import check, stub

HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'


def found(source: str) -> list[tuple[str, str]]:
    return [(t.msgid, t.plural) for t in in_python(source, "qunclub/x.py") if isinstance(t, Text)]


def mistakes(source: str) -> list[str]:
    return [m.reason for m in in_python(source, "qunclub/x.py") if isinstance(m, Mistake)]


def findings(folder: Path, texts: list[Text], **catalogues: str) -> list[str]:
    for name, body in catalogues.items():
        (folder / f"{name}.po").write_text(HEAD + body, encoding="utf-8")
    report = check(texts, folder)
    return [line for _, line in report.lines] + [f"missing {key[0]}" for key in report.missing]


def text(msgid: str, plural: str = "") -> Text:
    return Text(msgid, plural, "qunclub/points/views.py", 1)


def test_texts_are_found_in_python() -> None:
    source = """
_("one"); _l("two"); N_("three"); i18n.gettext("four " "five")
_n("a point", "%(num)s points", n)
_("yes" if x else "no"); _(variable)
"""
    assert found(source) == [
        ("one", ""),
        ("two", ""),
        ("three", ""),
        ("four five", ""),
        ("a point", "%(num)s points"),
        ("yes", ""),
        ("no", ""),
    ]


def test_what_nobody_could_translate_is_a_mistake() -> None:
    assert "f-string" in mistakes('_(f"Hello {name}")')[0]
    assert "not marked" in mistakes('raise Conflict("Sold out")')[0]
    assert "not marked" in mistakes('raise Forbidden(N_("No"), how="Ask")')[0]
    assert not mistakes('raise Conflict(N_("Sold out"), left=0)\nraise Conflict(message)')


def test_texts_are_found_in_templates(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<h1>{{ _('Title') }}</h1>{{ ngettext('a seat', '%(num)s seats', n) }}", encoding="utf-8")
    assert [(t.msgid, t.plural) for t in in_template(page, "page.html") if isinstance(t, Text)] == [
        ("Title", ""),
        ("a seat", "%(num)s seats"),
    ]


def test_a_template_that_does_not_parse_is_told(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("{% if %}", encoding="utf-8")
    assert [type(item) for item in in_template(page, "page.html")] == [Mistake]


def test_a_complete_catalogue_is_fine(tmp_path: Path) -> None:
    body = (
        'msgid "Hello %(name)s"\nmsgstr "你好,%(name)s"\n\n'
        'msgid "a point"\nmsgid_plural "%(num)s points"\nmsgstr[0] "%(num)s 分"\n'
    )
    texts = [text("Hello %(name)s"), text("a point", "%(num)s points"), text("a point")]
    assert findings(tmp_path, texts, points=body) == []


def test_missing_unused_and_double_are_told(tmp_path: Path) -> None:
    one = 'msgid "A"\nmsgstr "甲"\n\nmsgid "B"\nmsgstr "乙"\n'
    lines = findings(tmp_path, [text("A"), text("C")], points=one, common='msgid "A"\nmsgstr "甲"\n')
    assert any("'B' is used nowhere" in line for line in lines)
    assert any("'A' is in several catalogues: common, points" in line for line in lines)
    assert "missing C" in lines


def test_a_msgid_twice_in_one_file_is_told(tmp_path: Path) -> None:
    twice = 'msgid "A"\nmsgstr "甲"\n\nmsgid "A"\nmsgstr "乙"\n'
    assert any("twice" in line for line in findings(tmp_path, [text("A")], points=twice))


def test_bad_translations_are_told(tmp_path: Path) -> None:
    body = (
        'msgid "Empty"\nmsgstr ""\n\n#, fuzzy\nmsgid "Fuzzy"\nmsgstr "模糊"\n\n'
        'msgid "Hi %(name)s"\nmsgstr "你好 %(nmae)s"\n'
    )
    lines = findings(tmp_path, [text("Empty"), text("Fuzzy"), text("Hi %(name)s")], points=body)
    assert any("'Empty' has no translation" in line for line in lines)
    assert any("'Fuzzy' is marked fuzzy" in line for line in lines)
    assert any("other placeholders" in line and "name, nmae" in line for line in lines)


def test_the_stub_can_be_pasted(tmp_path: Path) -> None:
    key = ('Say "hi"', "")
    entry = stub(key, [text(key[0])]).replace('msgstr ""', 'msgstr "说"')
    assert findings(tmp_path, [text(key[0])], points=entry) == []
