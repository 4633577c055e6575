"""The order form: what is bought for how much, for whom, with which coupons, paid how. Strangers may fill it in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, redirect, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from qunclub import groups, passes
from qunclub.kernel import N_, ClubError, Conflict, Forbidden, Invalid
from qunclub.kernel.keys import oldest_first
from qunclub.passes import rules as passes_rules
from qunclub.passes.models import Pass, Plan
from qunclub.passes.views import key_for
from qunclub.web import (
    _,
    allow,
    club,
    current_actor_or_none,
    explain,
    flash,
    is_htmx,
    limit,
    locale,
    now,
    reading,
    render,
    transact,
)

from . import (
    queries_buying,
    referral_views,
    rules_selling,
    rules_transfers,
    services,
    services_quote,
    services_transfers,
    transfer_settings,
)
from .forms_buying import OrderForm, checked, order_form
from .rules_selling import Purchase
from .services_quote import Quote
from .views_paying import own, to_pay_page

bp = Blueprint("orders", __name__)

CHOICES = ("gift", "quantity", "coupon", "pay_by")
KEPT, KEPT_SECONDS, KEPT_LENGTH = "qunclub_order", 3600, 3000


@dataclass(frozen=True, slots=True)
class Shelf:
    """The plan that is ordered, the key that shows it when it is hidden, and how it can be paid."""

    plan: Plan
    key: str
    ways: list[tuple[str, str]]

    def form(self, formdata: Any, data: dict[str, Any] | None = None) -> OrderForm:
        """The order form as this plan needs it."""
        return order_form(
            asks=self.plan.asks, gift_max=self.plan.gift_max, ways=self.ways, formdata=formdata, data=data
        )


def _shelf(session: Session, slug: str) -> Shelf:
    key, actor = key_for(slug), current_actor_or_none()
    plan = queries_buying.plan_to_order(session, slug, key=key, member_id=actor.member_id if actor else None)
    ways = [(rules_selling.GATEWAY, _("Online, by card, Alipay or WeChat Pay"))]
    transfer = transfer_settings.load(session)
    if rules_transfers.offered(transfer, currency=plan.currency, interval=plan.interval):
        ways.append((rules_selling.TRANSFER, _("By transfer; an admin confirms when it has arrived")))
    return Shelf(plan, key, ways)


@bp.get("/passes/<slug>/order")
@allow("anyone")
def order(slug: str) -> Any:
    """The form, filled in with what the link says and what was typed before signing in."""
    with reading() as session:
        shelf = _shelf(session, slug)
        asked: dict[str, Any] = {name: request.args[name] for name in CHOICES if name in request.args}
        if not asked.get("quantity", "1").isdigit():
            del asked["quantity"]
        if "quantity" in asked:
            asked["quantity"] = max(1, min(int(asked["quantity"][:9]), shelf.plan.gift_max or 1))
        return _page(session, shelf, shelf.form(None, {**_again(session), **_kept(slug), **asked}))


def _again(session: Session) -> dict[str, Any]:
    """What an earlier order of one's own was about, to order it again."""
    actor, code = current_actor_or_none(), request.args.get("again", "")
    if not code or actor is None or actor.member_id is None:
        return {}
    return queries_buying.content_of(session, code=code, member_id=actor.member_id)


@bp.get("/passes/<slug>/order/quote")
@allow("anyone")
def quoted(slug: str) -> Any:
    """The address of the counted form, loaded again: back to the form."""
    asked: dict[str, Any] = request.args.to_dict()
    return redirect(url_for(".order", **{**asked, "slug": slug}), 303)


@bp.post("/passes/<slug>/order/quote")
@allow("anyone")
@limit("60 per minute", name="quote")
def quote(slug: str) -> Any:
    """What it comes to with what is filled in: a fragment of the form; without htmx the whole page."""
    with reading() as session:
        shelf = _shelf(session, slug)
        return _page(session, shelf, shelf.form(request.form))


@bp.post("/passes/<slug>/order")
@allow("anyone")
@limit("20 per minute", name="checkout")
def start(slug: str) -> Any:
    """Order, then go to the pay page. The order is committed before the payment service is asked."""
    actor = current_actor_or_none()
    with reading() as session:
        shelf = _shelf(session, slug)
        form = shelf.form(request.form)
        purchase = checked(form, shelf.plan.id, gift_max=shelf.plan.gift_max, whole=True)
        if purchase is None:
            return _page(session, shelf, form), 422
        if actor is None or actor.member_id is None:
            return _sign_in_first(slug, form, shelf.key)
    buyer, wanted = actor.member_id, purchase

    def command(work: Session) -> str:
        placed = services.place(
            work,
            member_id=buyer,
            purchase=wanted,
            email=actor.email,
            locale=locale(),
            now=now(),
            actor=actor,
            hold_minutes=club().settings.order_hold_minutes,
        )
        shown = form.shown_total
        if shown is not None and placed.total > shown:
            raise Dearer(placed.total, placed.currency)
        if placed.total == 0 and not shelf.plan.interval:
            services_transfers.take_free(work, order_code=placed.code, now=now(), actor=actor)
        elif wanted.pay_by == rules_selling.TRANSFER:
            services_transfers.choose(work, order_code=placed.code, now=now(), actor=actor)
        referral_views.keep(work, placed.code)
        return placed.code

    try:
        code = transact(command)
    except Dearer as dearer:
        with reading() as session:
            form.seen.data = str(dearer.total)
            return _page(session, _shelf(session, slug), form, dearer=dearer), 409
    except (Invalid, Conflict) as refused:
        with reading() as session:
            return _page(session, _shelf(session, slug), form, refused=refused), refused.status
    answer = to_pay_page(own(code))
    answer.delete_cookie(KEPT)
    return answer


class Dearer(Exception):
    """The order came to more than its buyer had read."""

    def __init__(self, total: int, currency: str) -> None:
        super().__init__(total)
        self.total, self.currency = total, currency


# ---- the page ----


def _page(
    session: Session,
    shelf: Shelf,
    form: OrderForm,
    *,
    refused: ClubError | None = None,
    dearer: Dearer | None = None,
) -> str:
    plan = shelf.plan
    purchase = (
        None if form.errors else checked(form, plan.id, gift_max=plan.gift_max, whole=refused is not None)
    )
    if isinstance(refused, Invalid):
        _put(form, refused)
    found, stop = _quoted(session, form, purchase or _as_far_as_it_goes(form, plan))
    if isinstance(refused, Conflict):
        stop = refused
    held = queries_buying.pass_with_plan(session, found.pass_id) if found and found.pass_id else None
    line_id = plan.group_line_id
    return render(
        "orders/_order_sum.html" if is_htmx() else "orders/order.html",
        plan=plan,
        key=shelf.key,
        form=form,
        quote=found,
        price=found.price if found else passes.price_of(session, plan, now()),
        asked=refused is not None,
        stop=explain(stop) if stop else "",
        stop_order=stop.params.get("code") if stop else None,
        dearer=dearer,
        held=held,
        until=_extended_until(plan, held),
        seats=groups.seats_left(session, [line_id])[line_id] if line_id else None,
        **_bar(session, line_id),
    )


def _bar(session: Session, line_id: int | None) -> dict[str, Any]:
    """What keeps the buyer from a seat: they are told before they pay."""
    actor = current_actor_or_none()
    if line_id is None or actor is None or actor.member_id is None:
        return {"bar": None, "bar_line": ""}
    bar = groups.bar_in(session, line_id=line_id, member_id=actor.member_id, now=now())
    return {"bar": bar, "bar_line": groups.line_view(session, line_id).line.name if bar else ""}


def _extended_until(plan: Plan, held: Pass | None) -> dt.datetime | None:
    if held is None or held.ends_at is None:
        return None
    return passes_rules.end_of(plan, max(held.ends_at, now()))


def _quoted(session: Session, form: OrderForm, purchase: Purchase) -> tuple[Quote | None, ClubError | None]:
    """What it comes to; a coupon that cannot be used is said at its field, and the rest is counted without it."""
    actor = current_actor_or_none()
    for attempt in (purchase, replace(purchase, coupon_codes=()), Purchase(purchase.plan_id)):
        try:
            found = services_quote.quote(
                session, member_id=actor.member_id if actor else None, purchase=attempt, now=now()
            )
        except Invalid as error:
            _put(form, error)
        except Conflict as refused:
            return None, refused
        else:
            return found, None
    return None, None


def _as_far_as_it_goes(form: OrderForm, plan: Plan) -> Purchase:
    """The purchase without what is wrong in it, so that there is always a price on the page."""
    quantity = form.quantity.data if not form.quantity.errors else 1
    gift = form.is_gift and plan.gift_max > 0
    return Purchase(plan.id, quantity=(quantity or 1) if gift else 1, gift=gift)


def _put(form: OrderForm, error: Invalid) -> None:
    said = explain(error)
    if error.field in form:
        field = form[error.field]
        if said not in field.errors:
            field.errors = [*field.errors, said]
    elif said not in form.form_errors:
        form.form_errors.append(said)


# ---- strangers ----


def _sign_in_first(slug: str, form: OrderForm, key: str) -> Response:
    """Away to sign in, and back to the form as it was filled in."""
    endpoint = club().account_endpoints.get("sign_in")
    if endpoint is None:
        raise Forbidden(N_("Sign in to go on."), how=N_("Sign in on this site first."))
    chosen: dict[str, Any] = {name: str(form[name].data) for name in CHOICES if form[name].data}
    if key:
        chosen["key"] = key
    if not form.is_gift:
        chosen.pop("quantity", None)
    answer = redirect(url_for(endpoint, next=url_for(".order", slug=slug, **chosen)), 303)
    flash(_("Sign in or make an account to order; what you filled in is kept."), "info")
    typed = {
        name: form[name].data
        for name in ("name", "phone", "address", "recipients", "message")
        if name in form and form[name].data
    }
    sealed = _seal().dumps({"slug": slug, "typed": typed})
    if len(sealed) > KEPT_LENGTH:
        sealed = _seal().dumps({"slug": slug, "typed": {**typed, "recipients": ""}})
    # In the buyer's own browser and nowhere else; a cookie of its own, because signing in begins a new session.
    answer.set_cookie(
        KEPT,
        str(sealed),
        max_age=KEPT_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
        path="/",
    )
    return answer


def _seal() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(oldest_first(club().secret), salt="qunclub.order-form")


def _kept(slug: str) -> dict[str, Any]:
    """What was typed for this plan before signing in."""
    sealed = request.cookies.get(KEPT)
    if not sealed:
        return {}
    try:
        kept = _seal().loads(sealed, max_age=KEPT_SECONDS)
    except BadData:
        return {}
    return dict(kept["typed"]) if kept.get("slug") == slug else {}
