"""What homework asks for: text, files, kinds of files."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub.homework.models import Assignment
from qunclub.homework.rules_parts import ENDINGS, Parts, check_handed_in, check_parts, endings
from qunclub.kernel import Invalid
from tests.homework.pictures import picture
from tests.support.pages import post, text_of


@pytest.mark.parametrize(
    ("parts", "body", "names", "field"),
    [
        (Parts(text="required"), " ", ["a.png"], "body_md"),
        (Parts(files="required"), "text", [], "files"),
        (Parts(files="none"), "text", ["a.png"], "files"),
        (Parts(kinds=("pdf",)), "text", ["a.pdf", "b.png"], "files"),
        (Parts(text="required", files="required"), "text", ["A.PNG"], None),
        (Parts(kinds=("pdf", "text")), "", ["a.pdf", "b.md"], None),
        (Parts(), "", ["a.zip"], None),
    ],
)
def test_what_has_to_be_there(parts, body, names, field):
    if field is None:
        check_handed_in(parts, body, names)
        return
    with pytest.raises(Invalid) as error:
        check_handed_in(parts, body, names)
    assert error.value.field == field


@pytest.mark.parametrize("parts", [Parts(text="none"), Parts(files="many"), Parts(kinds=("exe",))])
def test_what_cannot_be_asked_for(parts):
    with pytest.raises(Invalid):
        check_parts(parts)


@given(st.sets(st.sampled_from(sorted(ENDINGS))))
def test_a_kind_takes_its_own_endings_and_no_others(kinds):
    taken = endings(Parts(kinds=tuple(kinds)))
    for kind, own in ENDINGS.items():
        assert set(own) <= set(taken) if not kinds or kind in kinds else not set(own) & set(taken)


def test_an_admin_asks_for_it_and_the_page_holds_it(visit, author, make, work, site_db):
    admin = visit(make.account(name="Ada", roles=("admin",)))
    with site_db.session() as session:
        row = session.scalars(select(Assignment)).one()
        values = {"title": row.title, "slug": row.slug, "brief_md": row.brief_md, "version": row.version}
    line = {"criteria-0-title": "Clear", "criteria-0-max_points": "10", "criteria-0-weight": "1"}
    wanted = {"text_part": "required", "file_part": "required", "file_kinds": ["picture", "pdf"]}
    answer = post(admin, f"/admin/homework/{work.id}", {**values, **line, **wanted, "late_policy": "accept"})
    assert answer.status_code == 303, text_of(answer)
    again = text_of(admin.get(f"/admin/homework/{work.id}"))
    assert again.count("checked") == 2
    mine, path = visit(author[0]), f"/homework/{work.id}"
    page = text_of(mine.get(path))
    assert "A file has to be there." in page and 'accept=".png,.jpg,.jpeg,.webp,.gif,.pdf"' in page
    assert "asks for a file" in text_of(post(mine, path, {"body_md": "text"}))
    txt = post(mine, path, {"body_md": "text", "files": [(io.BytesIO(b"hello"), "a.txt")]})
    assert txt.status_code == 422 and "a.txt is not of a kind" in text_of(txt)
    good = post(mine, path, {"body_md": "text", "files": [(io.BytesIO(picture()), "a.png")]})
    assert good.status_code == 303
