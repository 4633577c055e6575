"""The shape of a club as a file: the same to the byte after a round trip, nothing private, hostile files refused."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import cloning, groups, house, points
from qunclub.cloning import rules
from qunclub.cloning.rules import Broken, LineText, PlanText, Template, TierText
from qunclub.groups.models import Group, GroupLine
from qunclub.house.rules_windows import parse
from qunclub.kernel import Actor
from qunclub.passes.models import Plan
from qunclub.points.models import PointRule
from tests.support.databases import fresh
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
texts = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=20)


@pytest.fixture
def furnished(make, now, site_db):
    """A club with two lines, a ritual, passes that follow one another, and a rule of its own."""
    course = make.course(title="Charts", slug="charts", state="published")
    first = make.group_line(
        slug="one", name="One", capacities=[3, 2], covenant_md="Be *kind*.", allocation="city",
        open_at_once=2, labels=["Chengdu", "Harbin"], offer_hours=24,
    )  # fmt: skip
    make.group_line(slug="two", name="Two")
    with site_db.uow() as session:
        groups.set_ritual(
            session,
            line_id=first.id,
            version=0,
            questions_typed="Who?\nWhere?",
            task_title="Look",
            task_md="Around.",
            actor=ADMIN,
            now=now,
        )
        groups.set_welcome(
            session,
            line_id=first.id,
            version=0,
            mode="each",
            words_zh="",
            words_en="",
            actor=ADMIN,
            now=now,
        )
        points.set_rule(
            session,
            kind="answer_best",
            amount=7,
            active=True,
            limits=points.Limits(20, 50, ((3, 50),), 5),
            actor=ADMIN,
            now=now,
        )
        house.set_schedule(
            session,
            line_id=first.id,
            group_id=None,
            windows=parse("1-5 20:00-22:00\n6 9:00-1:00"),
            slow_seconds=30,
            version=0,
            actor=ADMIN,
            now=now,
        )
    tier = make.tier(code="gold", name="Gold")
    low = make.plan(slug="low", line=first, price=100)
    make.plan(
        slug="high",
        line=first,
        price=900,
        tier=tier,
        courses=[course],
        upgrades_from=(low.id,),
        seat_priority=3,
    )
    make.seat(first)
    return first


def test_a_round_trip_into_an_empty_club_is_the_same_to_the_byte(db, make, now, furnished, tmp_path):
    with db.session() as session:
        data = cloning.dump(cloning.take(session))
    with fresh(db.kind, tmp_path) as other:
        with other.uow() as session:
            fates = cloning.bring(session, cloning.parse(data), actor=ADMIN, now=now)
        states = {(one.part, one.key): (one.state, one.lacks) for one in fates}
        assert states["lines", "one"] == ("new", ()) and states["points", "answer_best"] == ("changed", ())
        assert states["plans", "high"] == ("new", ("charts",))
        with other.session() as session:
            again = cloning.take(session)
            assert session.scalars(select(Plan.state)).all() == ["draft", "draft"]
            assert session.scalar(select(func.sum(Group.seated))) == 0, "nobody came along"
        before = json.loads(data)
        [high] = [one for one in before["plans"] if one["slug"] == "high"]
        high["courses"] = []
        assert json.loads(cloning.dump(again)) == before
        # A second time nothing is left to do.
        with other.uow() as session:
            done = cloning.bring(session, cloning.parse(data), actor=ADMIN, now=now)
            assert {one.state for one in done} == {"there"}


def test_a_line_is_cloned_beside_itself(db, now, furnished):
    with db.uow() as session:
        template = cloning.take(session, line_id=furnished.id).line_renamed("three")
        assert [one.state for one in cloning.bring(session, template, actor=ADMIN, now=now)] == ["new"]
        made = session.scalars(select(GroupLine).where(GroupLine.slug == "three")).one()
        covenant = groups.current_covenant(session, made.id)
        assert covenant is not None and covenant.body_md == "Be *kind*."
        assert made.capacities == [3, 2] and made.waiting_count == 0


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (Template(tiers=(TierText("x" * 41, "Gold", 1),)), r"tiers: x+\.code: .* 40 characters"),
        (Template(tiers=(TierText("gold", "Gold", 2**31),)), r"tiers: gold\.rank: .* 2147483647"),
        (Template(lines=(LineText("a", "x" * 121, (5,)),)), r"lines: a\.name: .* 120 characters"),
        (Template(lines=(LineText("a", "A", (5,), task_title="x" * 121),)), r"lines: a\.task_title: .* 120"),
        (Template(plans=(PlanText("p", "P", 1, "CNY", stock=10**12),)), r"plans: p\.stock: .* 2147483647"),
        (Template(plans=(PlanText("p", "x" * 161, 1, "CNY"),)), r"plans: p\.title: .* 160 characters"),
    ],
)
def test_what_has_no_room_is_told_with_its_place(db, now, template, said):
    for ask in (
        lambda session: cloning.look(session, template),
        lambda session: cloning.bring(session, template, actor=ADMIN, now=now),
    ):
        with pytest.raises(Broken, match=said), db.uow() as session:
            ask(session)


def test_a_bad_line_leaves_nothing_behind(db, now):
    template = Template(
        lines=(LineText("good", "Good", (5,)), LineText("bad", "Bad", (0,))),
        plans=(PlanText("x", "X", 1, "CNY", line="good"),),
    )
    with pytest.raises(Broken, match=r"lines: bad\.capacities"), db.uow() as session:
        cloning.bring(session, template, actor=ADMIN, now=now)
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(GroupLine)) == 0


def test_nothing_private_is_in_the_file(db, make, now, furnished):
    make.member(name="Ann Onymous", email="ann@example.com")
    with db.uow() as session:
        group = session.scalars(select(Group)).first()
        groups.set_entry(
            session,
            group_id=group.id,
            entry_url="https://chat.example.com/s3cret",
            entry_note="ask Ann",
            actor=ADMIN,
            now=now,
        )
        data = cloning.dump(cloning.take(session)).decode()
    for private in ("s3cret", "ask Ann", "Onymous", "ann@example.com"):
        assert private not in data


lines = st.builds(
    LineText,
    slug=st.uuids().map(str),
    name=texts,
    capacities=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    questions=st.lists(texts, max_size=3).map(tuple),
    covenant=texts,
    allocation=texts,
    open_at_once=st.integers(1, 5),
    labels=st.lists(texts, max_size=3).map(tuple),
    offer_hours=st.integers(0, 99),
    hours=st.lists(texts, max_size=3).map(tuple),
    slow_seconds=st.integers(0, 600),
)


@given(st.lists(lines, max_size=3, unique_by=lambda one: one.slug))
def test_what_is_written_reads_back(found):
    template = Template(lines=tuple(found))
    assert rules.parse(rules.dump(template)) == template
    assert rules.dump(rules.parse(rules.dump(template))) == rules.dump(template)


json_things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(json_things, st.sampled_from([*rules.PARTS, *rules.SINGLES]))
def test_whatever_a_file_says_it_is_read_or_refused_with_a_place(thing, part):
    said = [thing] if part in rules.PARTS else thing
    data = json.dumps({"qunclub_template": 1, part: said}).encode()
    try:
        template = rules.parse(data)
    except Broken as broken:
        assert all(part in problem for problem in broken.problems)
    else:
        assert rules.parse(rules.dump(template)) == template


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[]", "not a template"),
        (b'{"qunclub_template": 2}', "not a template"),
        (b'{"qunclub_template": 1, "people": []}', "people: no such part"),
        (b'{"qunclub_template": 1, "lines": [{"slug": "a"}]}', r"lines\[0\].name: is missing"),
        (
            b'{"qunclub_template": 1, "tiers": [{"code": "a", "name": "A", "rank": true}]}',
            "rank: must be a whole",
        ),
        (b"x" * (rules.MOST_BYTES + 1), "larger than 1 MB"),
    ],
)
def test_what_is_no_template_is_refused(data, said):
    with pytest.raises(Broken, match=said):
        rules.parse(data)


def test_a_circle_of_passes_is_made_all_the_same():
    plans = [
        PlanText("a", "A", 1, "CNY", upgrades_from=("b",)),
        PlanText("b", "B", 1, "CNY", upgrades_from=("a",)),
    ]
    assert {one.slug for one in rules.in_order(plans)} == {"a", "b"}
    chain = [PlanText("c", "C", 1, "CNY", upgrades_from=("d",)), PlanText("d", "D", 1, "CNY")]
    assert [one.slug for one in rules.in_order(chain)] == ["d", "c"]


def send(client, data: bytes, **fields):
    return post(
        client, "/admin/template/look", {"template": (io.BytesIO(data), "club.json"), **fields},
        content_type="multipart/form-data",
    )  # fmt: skip


def seal_of(page: str) -> str:
    return page.split('name="seal" value="')[1].split('"')[0]


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(roles=("admin",))), "en")


def test_an_admin_takes_it_out_looks_and_brings_it_in(admin, site_db, furnished):
    data = admin.get(f"/admin/template/line/{furnished.id}.json").get_data()
    page = text_of(send(admin, data))
    assert "is there: left alone" in page and "A line with this address is there already" in page
    page = text_of(send(admin, data, slug="copy"))
    assert "copy" in page and "Bring it in so" in page
    answer = post(admin, "/admin/template/bring", {"seal": seal_of(page)})
    assert answer.status_code == 303
    with site_db.session() as session:
        assert session.scalar(select(GroupLine.id).where(GroupLine.slug == "copy")) is not None
    assert post(admin, "/admin/template/bring", {"seal": seal_of(page)}).status_code == 404, "once"


def test_what_changed_since_the_look_is_looked_at_again(admin, make, site_db, furnished):
    data = admin.get("/admin/template/club.json").get_data()
    told = json.loads(data)
    told["lines"].append({"slug": "late", "name": "Late", "capacities": [2]})
    page = text_of(send(admin, json.dumps(told).encode()))
    make.group_line(slug="late")
    answer = post(admin, "/admin/template/bring", {"seal": seal_of(page)})
    assert answer.status_code == 409 and "Look again" in text_of(answer)


def test_problems_are_told_and_nothing_is_made(admin, site_db):
    answer = send(admin, b'{"qunclub_template": 1, "lines": [{"slug": 7}]}')
    assert answer.status_code == 422 and "lines[0].slug" in text_of(answer)
    assert send(admin, b"").status_code == 422
    page = text_of(
        send(admin, b'{"qunclub_template": 1, "lines": [{"slug": "A B", "name": "x", "capacities": [1]}]}')
    )
    answer = post(admin, "/admin/template/bring", {"seal": seal_of(page)})
    assert answer.status_code == 422 and "lines: A B.slug" in text_of(answer)
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(GroupLine)) == 0


def test_it_is_for_admins_and_speaks_chinese(client, make, furnished):
    paths = ("/admin/template", "/admin/template/club.json", f"/admin/template/line/{furnished.id}.json")
    assert {client.get(path).status_code for path in paths} == {303}
    sign_in(client, make.account(roles=("host", "instructor")))
    assert {client.get(path).status_code for path in paths} == {403}
    sign_in(client, make.account(roles=("admin",)))
    assert "不含任何人" in text_of(in_language(client, "zh").get("/admin/template"))
    assert client.get("/admin/template/line/99.json").status_code == 404


def test_taking_the_club_out_costs_as_many_statements_as_it_has_lines(session, make):
    engine = session.get_bind()
    for _ in range(2):
        make.plan()
    with count_statements(engine) as few:
        cloning.take(session)
    for _ in range(20):
        make.plan()
    session.expire_all()
    with count_statements(engine) as many:
        cloning.take(session)
    assert many.count == few.count


def test_the_command_line_takes_it_out_and_in(app, site_db, furnished, tmp_path):
    file = tmp_path / "club.json"
    run = app.test_cli_runner().invoke
    assert run(args=["qunclub", "template", "export", str(file)]).exit_code == 0
    done = run(args=["qunclub", "template", "import", str(file)])
    assert done.exit_code == 0 and "there    lines one" in done.output
    file.write_bytes(b"{}")
    broken = run(args=["qunclub", "template", "import", str(file)])
    assert broken.exit_code == 1 and "not a template" in broken.output
    with site_db.session() as session:
        assert session.scalar(select(func.count()).select_from(PointRule)) > 0


@pytest.mark.parametrize("place", ['"tiers": [{"code": "a", "name": "\\ud800", "rank": 1}]', '"\\udfff": 1'])
def test_half_of_a_letter_is_no_text(place):
    with pytest.raises(rules.Broken, match="UTF-8"):
        rules.parse(('{"qunclub_template": 1, ' + place + "}").encode())
