"""Every column and setting is in the file or left out for a reason; the club's own rules come back as they were."""

from __future__ import annotations

import ast
import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import cloning, house, levels, models, orders, seasons
from qunclub.cloning import carried, rules, settings
from qunclub.cloning.rules import Broken, Template
from qunclub.cloning.rules_settings import (
    HouseText,
    LettersText,
    LevelText,
    PathText,
    ProfileText,
    ReferralsText,
    SeasonText,
)
from qunclub.kernel import Actor, Base, store
from qunclub.levels import rules as path_rules
from qunclub.levels.models import LadderVersion
from qunclub.seasons.rules_formula import Formula
from tests.architecture.rules import PACKAGE
from tests.support.databases import fresh
from tests.support.pages import in_language, sign_in, text_of

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
FORMULA = Formula(9, 2, leaves=1, weights=(("answer_best", 50),), ties=("earlier",), two_person=True)
WHOLE = Template(
    levels=(
        LevelText(
            "contributor", points=50, kinds=("answer_best 20",), rights=("more_files",), duties="Help."
        ),
    ),
    path=PathText(30, 10, 20, 40),
    house=HouseText(("warning", "mute 7", "removal"), 90, 7),
    season=SeasonText(9, 2, leaves=1, weights=("answer_best:50",), ties=("earlier",), two_person=True),
    season_letters=LettersText(False, 50),
    referrals=ReferralsText(14, 6),
    profile=ProfileText("一句", "One sentence", "关于", "About"),
)


def test_every_column_is_carried_or_left_out_for_a_reason():
    assert models  # every table is known
    for table, columns in carried.COLUMNS.items():
        assert columns.keys() == {one.name for one in Base.metadata.tables[f"qunclub_{table}"].columns}, table
        for place in columns.values():
            if isinstance(place, tuple):
                part, name = place
                assert name in {one.name for one in fields(rules.PARTS[part])}, place


def test_every_field_of_a_part_comes_from_somewhere():
    said = {place for columns in carried.COLUMNS.values() for place in columns.values()}
    # The limits of a rule are one column and four fields.
    said |= {("points", name) for name in ("day", "season", "ring_days")}
    for part in ("tiers", "lines", "plans", "points"):
        for one in fields(rules.PARTS[part]):
            assert (part, one.name) in said, (part, one.name)


def test_every_table_that_a_club_may_set_is_carried_or_left_out_for_a_reason():
    ours = {name: table for name, table in Base.metadata.tables.items() if name.startswith("qunclub_")}
    shape = {f"qunclub_{name}" for name in carried.COLUMNS}
    settable = {
        name.removeprefix("qunclub_")
        for name, table in ours.items()
        if {key.column.table.name for key in table.foreign_keys} - {name} <= shape
    }
    others = {name for name in carried.COLUMNS if name not in settable}
    assert settable - carried.COLUMNS.keys() == carried.TABLES.keys() and others <= {
        "house_schedule",
        "plan_course",
    }


def test_every_value_that_is_kept_by_name_is_carried_or_left_out_for_a_reason():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        room = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        if room.startswith(("demo", "kernel")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "set_value":
                found.add(f"{room}:{ast.unparse(node.args[1])}")
    assert found == carried.SETTINGS.keys()
    assert {place[0] for place in carried.SETTINGS.values() if isinstance(place, tuple)} <= set(rules.SINGLES)


@pytest.mark.parametrize(
    ("text", "kept", "elsewhere"),
    [
        (SeasonText, seasons.Formula, set()),
        (PathText, path_rules.Ladder, {"rungs"}),
        (HouseText, house.Ladder, {"version"}),
        (LevelText, path_rules.Conditions, set()),
    ],
)
def test_a_rule_that_learns_a_new_field_is_carried_too(text, kept, elsewhere):
    said = {one.name for one in fields(text)} - {"code", "rights", "duties"}
    assert said == {one.name for one in fields(kept)} - elsewhere


def take(session):
    return cloning.parse(cloning.dump(cloning.take(session)))


def test_the_clubs_own_rules_come_back_as_they_were(db, now, tmp_path):
    with db.uow() as session:
        fates = cloning.bring(session, WHOLE, actor=ADMIN, now=now)
    assert {one.key: one.state for one in fates} == {
        "path": "changed", "house": "changed", "season": "new", "season_letters": "changed",
        "referrals": "changed", "profile": "new",
    }  # fmt: skip
    with db.session() as session:
        version, ladder = levels.ladder_in_force(session)
        assert version == 2 and ladder.recent_days == 30 and ladder.rungs["contributor"].duties == "Help."
        assert house.ladder(session).steps[1] == house.Step("mute", 7)
        assert seasons.proposed_formula(session) == FORMULA
        assert orders.referral_terms(session).days == 14
        data = cloning.dump(cloning.take(session))
    with fresh(db.kind, tmp_path) as other:
        with other.uow() as session:
            cloning.bring(session, cloning.parse(data), actor=ADMIN, now=now)
        with other.session() as session:
            assert cloning.dump(cloning.take(session)) == data
        with other.uow() as session:
            again = cloning.bring(session, cloning.parse(data), actor=ADMIN, now=now)
            assert {one.state for one in again} == {"there"}
            assert session.scalar(select(func.count()).select_from(LadderVersion)) == 2


def test_a_club_keeps_its_own_season_and_its_own_words(db, make, now):
    make.season(seats=5, eliminate=1)
    with db.uow() as session:
        store.set_value(session, settings.PROFILE, {"tagline": {"zh": "我们", "en": ""}})
        fates = cloning.bring(
            session, Template(season=WHOLE.season, profile=WHOLE.profile), actor=ADMIN, now=now
        )
        assert {one.state for one in fates} == {"there"}
        formula = seasons.proposed_formula(session)
        assert formula is not None and formula.seats == 5
        assert store.get_value(session, settings.PROFILE) == {"tagline": {"zh": "我们", "en": ""}}


def test_the_first_season_is_proposed_with_the_formula_that_was_brought(client, make, site_db, now):
    with site_db.uow() as session:
        cloning.bring(session, Template(season=WHOLE.season), actor=ADMIN, now=now)
    admin = in_language(sign_in(client, make.account(roles=("admin",))), "en")
    page = admin.get("/admin/seasons/new").get_data(as_text=True)
    assert 'value="9"' in page and admin.get("/admin/seasons/calendar").status_code == 200
    assert "Formula brought for the first season" in text_of(admin.get("/admin/audit"))


def test_a_draft_that_an_admin_is_writing_is_not_overwritten(db, now):
    with db.uow() as session:
        levels.save_draft(session, ladder=path_rules.DEFAULT, version=0, now=now, actor=ADMIN)
    with pytest.raises(Broken, match="put it in force or throw it away"), db.uow() as session:
        cloning.bring(session, Template(path=PathText(1, 1, 1)), actor=ADMIN, now=now)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (Template(levels=(LevelText("queen"),)), "queen: no such level"),
        (Template(levels=(LevelText("contributor", rights=("fly",)),)), r"contributor\.rights: fly"),
        (Template(levels=(LevelText("contributor", kinds=("x",)),)), r"contributor\.kinds"),
        (Template(levels=(LevelText("contributor", points=-1),)), "contributor_points"),
        (Template(path=PathText(0, 1, 1)), "recent_days"),
        (Template(house=HouseText(("shout",), 1, 1)), r"house\.steps"),
        (Template(house=HouseText(("warning",), -1, 1)), r"house\.forget_days"),
        (Template(season=SeasonText(0, 1)), r"season\.seats"),
        (Template(season=SeasonText(5, 1, weights=("nothing:5",))), r"season\.weights"),
        (Template(season=SeasonText(5, 1, ties=("luck",))), r"season\.ties"),
        (Template(season_letters=LettersText(True, 0)), r"season_letters\.reach"),
        (Template(referrals=ReferralsText(0, 1)), r"referrals\.days"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_with_its_place(db, now, template, said):
    with pytest.raises(Broken, match=said), db.uow() as session:
        cloning.bring(session, template, actor=ADMIN, now=now)
    with db.session() as session:
        assert levels.ladder_in_force(session)[0] == 1


def test_a_file_of_an_older_version_is_read(db, now):
    old = {
        "qunclub_template": 1,
        "tiers": [], "plans": [], "points": [],
        "lines": [{"slug": "old", "name": "Old", "capacities": [2], "kind": "learner"}],
    }  # fmt: skip
    template = cloning.parse(json.dumps(old).encode())
    assert template.lines[0].allocation == "first" and template.path is None and template.levels == ()
    with db.uow() as session:
        assert [one.state for one in cloning.bring(session, template, actor=ADMIN, now=now)] == ["new"]


def test_the_program_itself_sets_open_hours(db, now):
    line = rules.LineText("quiet", "Quiet", (2,), hours=("1-7 20:00-22:00",), slow_seconds=5)
    with db.uow() as session:
        cloning.bring(session, Template(lines=(line,)), actor=Actor.system("command line"), now=now)
        [taken] = cloning.take(session).lines
    assert taken.hours == ("1,2,3,4,5,6,7 20:00-22:00",) and taken.slow_seconds == 5
    bad = replace(line, slug="bad", hours=("at night",))
    with pytest.raises(Broken, match=r"lines: bad\.hours"), db.uow() as session:
        cloning.bring(session, Template(lines=(bad,)), actor=ADMIN, now=now)


texts = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=12)
words = st.lists(texts, max_size=2).map(tuple)
counts = st.integers(-rules.HIGHEST, rules.HIGHEST)
singles: dict[str, Any] = {
    "path": st.builds(PathText, counts, counts, counts, counts),
    "house": st.builds(HouseText, words, counts, counts),
    "season": st.builds(SeasonText, counts, counts, weights=words, ties=words),
    "profile": st.builds(ProfileText, texts, texts),
    "levels": st.builds(LevelText, texts, counts, kinds=words, rights=words).map(lambda one: (one,)),
}
whole = st.sampled_from(sorted(singles)).flatmap(
    lambda name: singles[name].map(lambda said: Template(**{name: said}))
)


@given(whole)
def test_settings_that_are_written_read_back(template):
    assert rules.parse(rules.dump(template)) == template
