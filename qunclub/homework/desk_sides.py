"""The desk's versions: what was typed here beside what is in force or what another window keeps; none is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Actor, Forbidden, Invalid
from qunclub.web import _, current_actor, explain, render, transact
from qunclub.web.frame import on_club_error
from qunclub.web.guards import current_actor_or_none

from . import rules_desk, rules_sides, services_desk
from .models_desk import ReviewDraft
from .queries_attempts import AttemptView

SAVE = "qunclub.desk.save"


@dataclass(frozen=True, slots=True)
class Other:
    """A version that is not mine, field by field beside mine."""

    title: str
    fields: dict[str, str]
    pairs: list[rules_sides.Pair]


@dataclass(frozen=True, slots=True)
class Sides:
    """All versions of a review that the page shows."""

    mine: dict[str, str]
    others: list[Other]
    hidden: dict[str, str]


def keep(submission_id: int, actor: Actor, moment: dt.datetime) -> None:
    """Keep at the club what a refused save had typed, whatever becomes of this window."""
    # Where it cannot be kept, the page that is answered holds it still.
    with suppress(Invalid, Forbidden):
        transact(
            lambda session: services_desk.keep_beside(
                session,
                submission_id=submission_id,
                fields=request.form,
                version=request.form.get("draft_version", 0, type=int),
                actor=actor,
                now=moment,
                shown=rules_sides.shown(request.form),
            )
        )


def sides(
    typed: Mapping[str, str],
    attempts: Sequence[AttemptView],
    draft: ReviewDraft | None,
    *,
    stale: bool,
    clash: bool,
) -> Sides | None:
    """What the page shows side by side; None when there is but one version."""
    carried = rules_sides.carried_others(request.form)
    if carried and not stale and not clash:
        # They were shown before; the hidden fields hold them until one is saved.
        mine = rules_sides.carried_side(request.form, "mine")
        others = [(request.form.get(f"side-title-{n}", ""), fields) for n, fields in enumerate(carried)]
        here = mine_of(request.form)
        if "take" in request.form and here not in (mine, *carried):
            # What was typed after they were shown is a version too.
            others.append((_("In the form before you chose"), here))
        return _made(mine, others)
    mine = mine_of(typed)
    found: list[tuple[str, dict[str, str]]] = []
    review = next((one.review for one in attempts if one.review), None) if stale else None
    if review is not None:
        found.append((_("In force: the review by %(name)s", name=review.reviewer_name), review.as_typed))
    if draft is not None:
        window = _("Kept by the other window")
        # A window that goes on from the draft as it is has it in its form: an earlier self is no other version.
        goes_on = not (stale or clash) and request.form.get("draft_version", type=int) == draft.version
        found += [(window, fields) for fields in (*(() if goes_on else (draft.fields,)), *draft.beside)]
    different: list[tuple[str, dict[str, str]]] = []
    for title, fields in found:
        if fields and fields != mine and fields not in [other for _t, other in different]:
            different.append((title, fields))
    return _made(mine, different) if different else None


def mine_of(typed: Mapping[str, str]) -> dict[str, str]:
    """What of the desk's form is a review's, however long it is."""
    try:
        return rules_desk.kept_fields(typed)
    except Invalid:  # longer than a draft may be: shown all the same
        return {name: str(typed[name]) for name in rules_desk.NAMES if name in typed}


def _made(mine: dict[str, str], others: list[tuple[str, dict[str, str]]]) -> Sides:
    titles = {f"side-title-{n}": title for n, (title, _fields) in enumerate(others)}
    return Sides(
        mine,
        [Other(title, fields, rules_sides.pairs(mine, fields)) for title, fields in others],
        rules_sides.carried(mine, [fields for _title, fields in others]) | titles,
    )


def keep_across_sign_in(bp: Blueprint, page: Any) -> None:
    """Whoever was signed out while typing gets the text back with a way to go on, not a bare sign-in form.

    Nothing is saved on the way: the button only opens the form again with the text in it.
    """

    def answer() -> Any:
        typed = {
            name: value for name, value in request.form.items() if name in rules_desk.NAMES
            or name.startswith(rules_desk.PREFIXES)
        }  # fmt: skip
        return render(
            "homework/desk_signed_out.html",
            typed=typed,
            submission_id=(request.view_args or {})["submission_id"],
        ), 401

    def signed_out() -> Any:
        if request.endpoint == SAVE and request.method == "POST" and current_actor_or_none() is None:
            return answer()
        return None

    def refused(error: Forbidden) -> Any:
        if request.endpoint != SAVE or request.method != "POST" or not request.form.get("version"):
            return on_club_error(error)
        if current_actor_or_none() is None:
            return answer()
        if not current_actor().has("instructor"):
            return on_club_error(error)
        # The form is older than this sign-in: it is shown again, filled, and nothing was saved.
        return page((request.view_args or {})["submission_id"], wrong={"form": explain(error)}), 403

    bp.before_request(signed_out)
    bp.register_error_handler(Forbidden, refused)
