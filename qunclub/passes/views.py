"""The catalogue: what it costs, what is inside, which rules hold, how many are left, before anybody pays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Blueprint

from qunclub.groups.views import POLICIES, QUIET, in_words
from qunclub.kernel import text
from qunclub.web import (
    NavItem,
    _,
    _l,
    _n,
    absolute_url,
    allow,
    current_actor_or_none,
    now,
    reading,
    register,
    render,
    render_alike,
)

from . import queries
from .queries import Offer

bp = Blueprint("passes", __name__, url_prefix="/passes")
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


def validity(days: int | None) -> str:
    """How long a pass is good for, in words."""
    return _("for life") if days is None else _n("%(num)s day", "%(num)s days", days)


@bp.get("")
@allow("anyone")
def index() -> Any:
    """Every pass on the shelf."""
    with reading() as session:
        offers = tuple(queries.catalogue(session, now()))
    return render_alike(
        "passes/index.html",
        offers=offers,
        features=features,
        validity=validity,
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
    """One pass in whole, with the covenant of its group."""
    actor = current_actor_or_none()
    with reading() as session:
        view = queries.plan_by_slug(session, slug, now(), drafts=bool(actor and actor.has("admin")))
        mine = (
            [one for one in queries.holdings(session, actor.member_id) if one.plan.id == view.plan.id]
            if actor and actor.member_id
            else []
        )
        line = view.line.line if view.line else None
        return render(
            "passes/show.html",
            view=view,
            plan=view.plan,
            mine=[one for one in mine if one.live(now())],
            validity=validity,
            policy=POLICIES[line.posting] if line else "",
            quiet=QUIET if line and line.posting == "staff" else "",
            nickname_rule=in_words(line.nickname_rule) if line else "",
            page_meta={
                "title": view.plan.title,
                "description": view.plan.summary or text.plain(view.plan.description_html),
                "url": absolute_url("qunclub.passes.show", slug=slug),
            },
        )
