"""Remarks at passages and spots: anchored, marked without harm, written with the review, seen by its readers only."""

import re
from html.parser import HTMLParser
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

from qunclub import homework
from qunclub.home.export import export
from qunclub.homework import rules_remarks
from qunclub.homework.models import Attempt, SubmissionFile
from qunclub.homework.models_desk import ReviewDraft
from qunclub.homework.models_remarks import Remark
from qunclub.homework.rules_remarks import Mark, Passage, Spot, Typed
from qunclub.kernel import Invalid, render_markdown
from tests.homework.test_desk import filled, reviews
from tests.homework.test_sides import hidden
from tests.support.pages import post, text_of
from tests.support.statements import count_statements

BODY = "# Title\n\nOne **bold** word & more.\n\n- first\n- second [link](https://example.com) end\n\n"
BODY += "| a | b |\n|---|---|\n| 1 | 2 |\n"
VOID = {"br", "img", "hr"}


class Reader(HTMLParser):
    """Reads HTML as strictly as it can: text, and whether everything nests."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.text, self.open, self.good, self.marked = "", [], True, ""

    def handle_starttag(self, tag, attrs):
        if tag == "a" and "a" in self.open:
            self.good = False
        if tag == "mark" and self.open and self.open[-1] in ("table", "tbody", "thead", "tr", "ul", "ol"):
            self.good = False
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        self.good = self.good and bool(self.open) and self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "mark" in self.open:
            self.marked += data


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


MARKDOWN = st.lists(
    st.sampled_from(
        [
            "# h",
            "word",
            "**b**",
            "- one\n- two",
            "[l](https://e.org)",
            '[**x** y](https://e.org/?a="q")',
            "`c < d`",
            "&amp; &lt;",
            "<b>raw</b>",
            "> quote",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "```\ncode\n  more\n```",
            "$x^2$",
            "中文，段落。",
            "```python\nprint(1)\n```",
            'a ![p](https://e.org/p.png "t > u") b',
            "😀 e\u0301",
            "x[^1]\n\n[^1]: note",
        ]
    ),
    max_size=6,
).map("\n\n".join)


@settings(max_examples=150, deadline=None)
@given(MARKDOWN, st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), max_size=5))
def test_marking_adds_no_text_and_breaks_no_tag(source, places):
    html = render_markdown(source)
    marks = [Mark(min(pair), max(pair), str(n), n) for n, pair in enumerate(places, 1)]
    before, after = read(html), read(rules_remarks.highlight(html, marks))
    assert after.text == before.text and after.good and not after.open
    # A browser takes one line end after <pre> away; so do we, and this reader does not.
    assert rules_remarks.plain_text(html) == before.text or "<pre>\n" in html
    assert rules_remarks.plain_text(rules_remarks.highlight(html, marks)) == rules_remarks.plain_text(html)
    assert len(re.findall(r'id="mark-', rules_remarks.highlight(html, marks))) == sum(
        bool(rules_remarks.plain_text(html)[one.start : one.end].strip()) for one in marks
    )


@settings(deadline=None)
@given(st.text(), st.integers(0, 40), st.integers(0, 40))
def test_a_hostile_text_is_escaped_as_before(words, a, b):
    html = render_markdown(words)
    made = rules_remarks.highlight(html, [Mark(min(a, b), max(a, b), "1", 1)])
    assert "<script" not in made and read(made).text == read(html).text


def test_exactly_the_words_are_marked():
    html = render_markdown(BODY)
    text = rules_remarks.plain_text(html)
    start = text.index("bold")
    made = rules_remarks.highlight(html, [Mark(start, start + len("bold word &"), "7", 1)])
    assert read(made).marked == "bold word &"
    assert '<strong><mark class="qc-mark">bold</mark></strong>' in made and 'href="#remark-7"' in made
    inside = text.index("link")
    made = rules_remarks.highlight(html, [Mark(inside, inside + 4, "8", 2)])
    assert re.search(r"</mark></a><a class=\"qc-mark__no\"", made)


def test_paragraphs_are_numbered_and_chosen():
    html = render_markdown(BODY)
    words = [one.words for one in rules_remarks.paragraphs(html)]
    assert words == ["Title", "One bold word & more.", "first", "second link end", "a", "b", "1", "2"]
    text = rules_remarks.plain_text(html)
    whole, part = rules_remarks.chosen(html, 3, 2, ""), rules_remarks.chosen(html, 3, 2, " bold word ")
    assert text[whole.start : whole.end] == whole.quote == words[1]
    assert text[part.start : part.end] == part.quote == "bold word"
    for paragraph, quote in ((9, ""), (0, ""), (2, "first")):
        with pytest.raises(Invalid):
            rules_remarks.chosen(html, 3, paragraph, quote)


@given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 60), st.text(max_size=10))
def test_a_passage_is_found_again(text, a, b, before):
    start, end = min(a, b), min(max(a, b), len(text))
    quote = text[start:end]
    if quote.strip():
        assert rules_remarks.find(text, start, end, quote) == (start, end)
        again = rules_remarks.find(before + text, start, end, quote)
        assert again is not None and (before + text)[again[0] : again[1]] == quote


def test_the_form_holds_remarks():
    given = [Typed(2, Passage(5, 1, 4, "abc"), "One"), Typed(10, Spot(5, 7, 30, 1000), "")]
    form: dict[str, str] = {}
    for one in given:
        form |= rules_remarks.fields_of(one)
    assert rules_remarks.typed(form) == given and rules_remarks.next_n(form) == 11
    assert rules_remarks.typed(rules_remarks.without(form, 2)) == given[1:]
    odd = {
        "remark-1-at": "text-1-2",
        "remark-1-body": "kept",
        "remark-x-body": "no",
        "remark-2-at": "spot-1-2",
        "remark-2-x": "-4",
    }
    assert rules_remarks.typed(odd) == [Typed(1, None, "kept"), Typed(2, Spot(1, 2, 500, 500), "")]


@pytest.fixture
def one(make, work, author):
    """A submission that waits."""
    return make.submission(work, member=author[1], body_md=BODY)


@pytest.fixture
def picture(site_db, one, now):
    """A picture of the submission."""
    data = BytesIO()
    Image.new("RGB", (20, 10)).save(data, "PNG")
    with site_db.session() as session:
        attempt = session.scalars(select(Attempt.id).where(Attempt.submission_id == one.id)).one()
        row = SubmissionFile(
            attempt_id=attempt, name="page.png", content_type="image/png", size=9, sha256="0" * 64,
            storage_key="homework/x", created_at=now,
        )  # fmt: skip
        session.add(row)
        session.commit()
        return attempt, row.id


def remarked(site_db, work, attempt, file_id, **extra):
    text = rules_remarks.plain_text(render_markdown(BODY))
    start = text.index("bold")
    fields = rules_remarks.fields_of(Typed(1, Spot(attempt, file_id, 250, 750), "THE **SPOT**"))
    fields |= rules_remarks.fields_of(
        Typed(2, Passage(attempt, start, start + 4, "bold"), "THE <i>WORDS</i>")
    )
    return filled(site_db, work, **fields, **extra)


def remarks(site_db):
    with site_db.session() as session:
        return list(session.scalars(select(Remark).order_by(Remark.position)))


def test_remarks_are_saved_with_the_review_and_read_by_the_author(
    visit, make, site_db, teacher, author, work, one, picture
):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    form = remarked(site_db, work, *picture, draft_version="0")
    # With the draft first: back in the form, with marks and pins.
    assert post(client, f"/desk/{one.id}/draft", form).status_code == 200
    page = text_of(client.get(f"/desk/{one.id}"))
    assert 'id="mark-new-2"' in page and 'id="mark-new-1"' in page and "THE &lt;i&gt;WORDS" in page
    assert post(client, f"/desk/{one.id}", {**form, "draft_version": "1"}).status_code == 303
    words, spot = remarks(site_db)
    assert (words.kind, words.position, words.quote, spot.kind, spot.x, spot.y) == (
        "text",
        1,
        "bold",
        "spot",
        250,
        750,
    )
    with site_db.session() as session:
        assert session.scalars(select(ReviewDraft)).all() == []
    page = text_of(visit(author[0]).get(f"/homework/{work.id}"))
    assert f'href="#remark-{words.id}" id="mark-{words.id}"' in page and f'id="remark-{words.id}"' in page
    assert f'href="#mark-{spot.id}"' in page and 'cx="25.0%"' in page and "<strong>SPOT</strong>" in page
    assert "<i>WORDS</i>" in page or "&lt;i&gt;" in page
    assert "THE" in text_of(client.get(f"/desk/{one.id}"))
    # Nobody else reads them.
    stranger = text_of(visit(make.person(name="Other")[0]).get(f"/homework/{work.id}"))
    assert "SPOT" not in stranger and "qc-remark" not in stranger


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"remark-1-body": " "}, "Remark 1 is empty"),
        ({"remark-2-body": "x" * 2001}, "Remark 2 is longer"),
        ({"remark-2-quote": "nowhere"}, "does not have"),
        ({"remark-1-at": "spot-1-99"}, "does not have"),
        ({"remark-1-at": "odd"}, "does not have"),
        ({f"remark-{n}-body": "x" for n in range(3, 60)}, "at most 50"),
    ],
)
def test_a_remark_that_cannot_be_kept_is_named_and_nothing_is_saved(
    visit, site_db, teacher, work, one, picture, change, says
):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    answer = post(client, f"/desk/{one.id}", remarked(site_db, work, *picture) | change)
    page = text_of(answer)
    assert answer.status_code == 422 and says in page and "MY COMMENT" in page
    assert reviews(site_db) == [] and remarks(site_db) == []


def test_without_a_script_remarks_come_and_go(visit, site_db, teacher, work, one, picture):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    form = filled(site_db, work, draft_version="0")
    page = text_of(
        post(
            client,
            f"/desk/{one.id}",
            {**form, "remark": "passage", "new-paragraph": "2", "new-quote": "word"},
        )
    )
    assert hidden(page)["remark-1-quote"] == "word" and "MY COMMENT" in page and 'id="mark-new-1"' in page
    form |= {name: value for name, value in hidden(page).items() if re.match(r"remark-[1-9]", name)} | {
        "remark-1-body": "W"
    }
    page = text_of(post(client, f"/desk/{one.id}", {**form, "remark": "spot", "new-file": str(picture[1])}))
    assert 'name="remark-2-x"' in page and hidden(page)["remark-2-at"] == f"spot-{picture[0]}-{picture[1]}"
    page = text_of(post(client, f"/desk/{one.id}", {**form, "unremark": "1"}))
    assert "remark-1-quote" not in hidden(page) and "MY COMMENT" in page
    wrong = text_of(
        post(
            client,
            f"/desk/{one.id}",
            {**form, "remark": "passage", "new-paragraph": "2", "new-quote": "absent"},
        )
    )
    assert "Paragraph 2 does not hold" in wrong and 'value="absent"' in wrong
    assert "Choose the picture" in text_of(
        post(client, f"/desk/{one.id}", {**form, "remark": "spot", "new-file": "0"})
    )


def test_a_new_attempt_keeps_what_was_written_about_the_old_one(
    visit, make, site_db, teacher, author, work, one, picture
):
    client = visit(teacher[0])
    form = remarked(site_db, work, *picture)
    post(client, f"/desk/{one.id}", filled(site_db, work, verdict="return", comment_md="Shorter"))
    make.submission(work, member=author[1], body_md="More bold words")
    page = text_of(post(client, f"/desk/{one.id}", form))
    # The words are found in the new text; the picture is gone, which is said.
    assert 'id="mark-new-2"' in page and "does not have its place" in page and "THE **SPOT**" in page
    saved = {**form, "version": "3"}
    assert post(client, f"/desk/{one.id}", saved).status_code == 422
    kept = rules_remarks.without(saved, 1)
    assert post(client, f"/desk/{one.id}", kept).status_code == 303
    (words,) = remarks(site_db)
    assert (words.start, words.end) == (5, 9)


def test_pages_cost_the_same_with_many_remarks(visit, site_db, teacher, author, work, one, picture):
    def cost():
        counts = []
        for account, path in ((teacher[0], f"/desk/{one.id}"), (author[0], f"/homework/{work.id}")):
            client = visit(account)
            client.get(path)
            with count_statements(site_db.engine) as seen:
                client.get(path)
            counts.append(seen.count)
        return counts

    before = cost()
    form = remarked(site_db, work, *picture)
    for n in range(3, 30):
        form |= rules_remarks.fields_of(Typed(n, Spot(picture[0], picture[1], n, n), "x"))
    post(visit(teacher[0]), f"/desk/{one.id}", form)
    assert len(remarks(site_db)) == 29 and cost() == before


def test_export_and_forgetting(visit, site_db, teacher, author, work, one, picture, now):
    post(visit(teacher[0]), f"/desk/{one.id}", remarked(site_db, work, *picture))
    with site_db.session() as session:
        assert len(export(session, author[1].id, now=now)["remarks"]) == 2
        homework.forget(session, member_id=author[1].id, now=now)
        session.commit()
    assert remarks(site_db) == []
