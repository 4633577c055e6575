"""The club's own rules beside lines, passes and points: taken out, compared, and set through the rooms' own verbs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal

from sqlalchemy.orm import Session

from qunclub import house, levels, orders, points, seasons
from qunclub.kernel import N_, Actor, ClubError, store

from .rules import Broken, Template
from .rules_settings import (
    HouseText,
    LettersText,
    LevelText,
    PathText,
    ProfileText,
    ReferralsText,
    SeasonText,
)

PROFILE = "club.profile"
REASON = "Template"
LABELS = {
    "path": N_("Rules of the path"),
    "house": N_("What follows a violation"),
    "season": N_("Formula for the next season"),
    "season_letters": N_("Letters about the season"),
    "referrals": N_("Bringing others along"),
    "profile": N_("Front page"),
}
State = Literal["new", "changed", "there"]


def take(session: Session) -> dict[str, Any]:
    """The parts of a :class:`.rules.Template` that are settings."""
    _version, ladder = levels.ladder_in_force(session)
    steps = house.ladder(session)
    formula = seasons.proposed_formula(session)
    letters = seasons.letter_settings(session)
    terms = orders.referral_terms(session)
    return {
        "levels": tuple(_level(code, ladder.rungs[code]) for code in levels.LEVELS),
        "path": PathText(ladder.recent_days, ladder.grace_days, ladder.stay_days, ladder.clean_days),
        "house": HouseText(
            tuple(house.write_steps(steps.steps).splitlines()), steps.forget_days, steps.appeal_days
        ),
        "season": _season(formula) if formula is not None else None,
        "season_letters": LettersText(letters.on, letters.reach),
        "referrals": ReferralsText(terms.days, terms.most),
        "profile": _profile(session),
    }


def _level(code: str, rung: levels.Rung) -> LevelText:
    asked = rung.conditions
    plain = {name: getattr(asked, name) for name in (*levels.NUMBERS, *levels.FLAGS)}
    return LevelText(
        code,
        kinds=_kinds(asked.kinds),
        recent_kinds=_kinds(asked.recent_kinds),
        rights=tuple(sorted(rung.rights)),
        duties=rung.duties,
        **plain,
    )


def _kinds(asked: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{kind} {least}" for kind, least in sorted(asked.items()))


def _season(formula: seasons.Formula) -> SeasonText:
    said = asdict(formula) | {"weights": tuple(f"{kind}:{percent}" for kind, percent in formula.weights)}
    return SeasonText(**said)


def _profile(session: Session) -> ProfileText:
    kept = store.get_value(session, PROFILE) or {}
    return ProfileText(
        **{
            f"{part}_{code}": str(kept.get(part, {}).get(code, ""))
            for part in ("tagline", "about")
            for code in ("zh", "en")
        }
    )


def states(session: Session, template: Template) -> dict[str, State]:
    """What would become of each setting the file names, in the file's order.

    The formula and the front page are only brought where there is none; the other rules are set as the file says.

    Raises:
        Broken: naming what cannot be read.
    """
    here = take(session)
    found: dict[str, State] = {}
    if template.levels or template.path is not None:
        same = _ladder(session, template) == levels.ladder_in_force(session)[1]
        found["path"] = "there" if same else "changed"
    for name in ("house", "season_letters", "referrals"):
        said = getattr(template, name)
        if said is not None:
            found[name] = "there" if said == here[name] else "changed"
    if template.season is not None:
        _formula(template.season)
        found["season"] = "new" if here["season"] is None else "there"
    if template.profile is not None:
        empty = here["profile"] == ProfileText() != template.profile
        found["profile"] = "new" if empty else "there"
    return {name: found[name] for name in LABELS if name in found}


def _ladder(session: Session, template: Template) -> levels.Ladder:
    """The path as the file has it; what it does not name stays as it is."""
    ladder = levels.ladder_in_force(session)[1]
    rungs = dict(ladder.rungs)
    for one in template.levels:
        if one.code not in rungs:
            raise Broken([f"levels: {one.code}: no such level."])
        unknown = sorted(set(one.rights) - levels.RIGHTS.keys())
        if unknown:
            raise Broken([f"levels: {one.code}.rights: {', '.join(unknown)}: no such right."])
        plain: dict[str, Any] = {name: getattr(one, name) for name in (*levels.NUMBERS, *levels.FLAGS)}
        kinds, recent = (_read_kinds(one, name) for name in ("kinds", "recent_kinds"))
        rungs[one.code] = levels.Rung(
            levels.Conditions(kinds=kinds, recent_kinds=recent, **plain),
            frozenset(one.rights),
            one.duties,
        )
    return replace(ladder, rungs=rungs, **(asdict(template.path) if template.path is not None else {}))


def _read_kinds(one: LevelText, name: str) -> dict[str, int]:
    try:
        return levels.parse_kinds("\n".join(getattr(one, name)), name)
    except ClubError as error:
        raise Broken([f"levels: {one.code}.{name}: {error}"]) from None


def _formula(said: SeasonText) -> seasons.Formula:
    weights = []
    for one in said.weights:
        kind, colon, percent = one.partition(":")
        if kind not in points.KINDS or not colon or not percent.isdecimal() or len(percent) > 6:
            raise Broken([f"season.weights: {one[:40]}: write a kind of points and a percentage, kind:50."])
        weights.append((kind, int(percent)))
    values = {**asdict(said), "weights": tuple(sorted(weights)), "ties": said.ties}
    formula = seasons.Formula(**values)
    # A formula is checked with the time it holds for; this one has none yet.
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    try:
        seasons.check_formula(formula, starts_at=day, ends_at=day + dt.timedelta(days=31))
    except ClubError as error:
        raise Broken([f"season.{getattr(error, 'field', '')}: {error}"]) from None
    return formula


def bring(session: Session, template: Template, name: str, *, actor: Actor, now: dt.datetime) -> None:
    """Set one setting as the file says.

    Raises:
        ClubError: as the room's own verb; Broken.
    """
    match name:
        case "path":
            _set_path(session, template, actor, now)
        case "house":
            _set_house(session, template, actor, now)
        case "season":
            assert template.season is not None
            seasons.propose_formula(session, formula=_formula(template.season), actor=actor, now=now)
        case "season_letters":
            assert template.season_letters is not None
            seasons.set_letters(
                session,
                on=template.season_letters.on,
                reach=template.season_letters.reach,
                actor=actor,
                now=now,
            )
        case "referrals":
            assert template.referrals is not None
            terms = orders.ReferralTerms(template.referrals.days, template.referrals.most)
            orders.set_referral_terms(session, terms=terms, now=now, actor=actor)
        case "profile":
            assert template.profile is not None
            _set_profile(session, template.profile, actor, now)


def _set_path(session: Session, template: Template, actor: Actor, now: dt.datetime) -> None:
    if levels.draft(session) is not None:
        raise Broken(
            ["levels: there is a draft of the path's rules; put it in force or throw it away first."]
        )
    ladder = _ladder(session, template)
    written = levels.save_draft(session, ladder=ladder, version=0, now=now, actor=actor)
    levels.put_in_force(session, version=written.version, reason=REASON, now=now, actor=actor)


def _set_house(session: Session, template: Template, actor: Actor, now: dt.datetime) -> None:
    said, before = template.house, house.ladder(session)
    assert said is not None
    new = house.Ladder(
        house.parse_steps("\n".join(said.steps)), said.forget_days, said.appeal_days, before.version
    )
    house.set_ladder(session, new=new, version=before.version, actor=actor, now=now)


def _set_profile(session: Session, said: ProfileText, actor: Actor, now: dt.datetime) -> None:
    before = store.get_value(session, PROFILE) or {}
    after = {
        "tagline": {"zh": said.tagline_zh, "en": said.tagline_en},
        "about": {"zh": said.about_zh, "en": said.about_en},
    }
    store.set_value(session, PROFILE, {**before, **after})
    store.record(
        session, actor=actor, action="club.profile", target="club", now=now,
        details={"before": before, "after": after},
    )  # fmt: skip
