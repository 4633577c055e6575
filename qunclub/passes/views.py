"""The catalogue: what it costs, what is inside, which rules hold, how many are left, before anybody pays."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Blueprint, request, session
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.courses.access_text import opens_when, why_locked
from qunclub.groups.views import POLICIES, QUIET, in_words
from qunclub.kernel import text
from qunclub.web import (
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor_or_none,
    now,
    reading,
    register,
    render,
    render_alike,
)

from . import queries, rules
from .queries import Offer
from .queries_access import seen_from_outside

bp = Blueprint("passes", __name__, url_prefix="/passes")
# (session, plan id) -> HTML: what rooms above say of a pass, on its page.
SECTIONS: list[Callable[[Session, int], str]] = []
KEYS, MOST_KEYS, KEY_LENGTH = "qunclub_plan_keys", 10, 80
register(
    NavItem(
        area="main",
        label=_l("Passes"),
        endpoint="qunclub.passes.index",
        icon="ticket-perforated",
        order=20,
        phone=True,
    )
)


@lru_cache(maxsize=256)
def excerpt(html: str) -> str:
    """The first words of a covenant; a version never changes, so they are found once."""
    return text.plain(html, 90)


def features(offer: Offer) -> list[str]:
    """What is inside, one line each."""
    found = list(offer.courses)
    if offer.tier:
        found.append(_("Tier: %(tier)s", tier=offer.tier))
    if offer.line is not None:
        found.append(_("A seat in %(group)s", group=offer.line.name))
    found.append(_("A member number for life"))
    return found


def key_for(slug: str) -> str:
    """The key of a hidden plan's link: in the address, or remembered from when this visitor followed the link."""
    known = session.get(KEYS)
    found = request.args.get("key") or (known.get(slug, "") if isinstance(known, dict) else "")
    return str(found)[:KEY_LENGTH]


def _remember(slug: str, key: str) -> None:
    known = session.get(KEYS)
    kept = known if isinstance(known, dict) else {}
    if kept.get(slug) != key:
        newest = [(name, one) for name, one in kept.items() if name != slug][1 - MOST_KEYS :]
        session[KEYS] = {**dict(newest), slug: key}


@bp.get("")
@allow("anyone")
def index() -> Any:
    """Every pass on the shelf."""
    with reading() as db:
        offers = tuple(queries.catalogue(db, now()))
    return render_alike(
        "passes/index.html",
        offers=offers,
        features=features,
        excerpt=excerpt,
        policies=tuple(POLICIES.items()),
        page_meta={
            "title": _("Passes"),
            "description": _("What each pass opens, what it costs, and which rules hold in its group."),
            "url": absolute_url("qunclub.passes.index"),
        },
    )


@bp.get("/<slug>")
@allow("anyone")
def show(slug: str) -> Any:
    """One pass in whole, with the covenant of its group. A hidden one shows itself to who has its link."""
    actor, key, moment = current_actor_or_none(), key_for(slug), now()
    member_id = actor.member_id if actor else None
    with reading() as db:
        view = queries.plan_by_slug(
            db, slug, moment, key=key, member_id=member_id, admin=bool(actor and actor.has("admin"))
        )
        plan = view.plan
        if not (plan.hidden and queries.opens(plan, key)):
            key = ""
        elif request.args.get("key") == key:
            _remember(slug, key)
        held = queries.holdings(db, member_id) if member_id else []
        mine = [one for one in held if one.plan.id == plan.id and one.held.state in rules.LIVE]
        line = view.line.line if view.line else None
        bar = (
            groups.bar_in(db, line_id=line.id, member_id=member_id, now=moment)
            if line and member_id
            else None
        )
        held_back = seen_from_outside(db, [one.id for one in view.courses], moment, club().season_book)
        return render(
            "passes/show.html",
            view=view,
            plan=plan,
            key=key or None,
            mine=next((one for one in mine if one.live(moment)), None),
            disputed=next((one for one in mine if one.suspended(moment)), None),
            base_pass=next((one for one in held if one.plan.id in view.sources and one.live(moment)), None),
            now=moment,
            bar=bar,
            opens={ident: opens_when(one) or why_locked(one)[0] for ident, one in held_back.items()},
            sections=[one(db, plan.id) for one in SECTIONS],
            policy=POLICIES[line.posting] if line else "",
            quiet=QUIET if line and line.posting == "staff" else "",
            nickname_rule=in_words(line.nickname_rule) if line else "",
            page_meta={
                "title": plan.title,
                "description": plan.summary or text.plain(plan.description_html),
                "url": absolute_url("qunclub.passes.show", slug=slug),
            },
        )
