"""Plans and tiers for admins."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import NotFound, Stale, render_markdown
from qunclub.members.models import Tier
from qunclub.web import (
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
    version_in,
)

from . import queries_admin as queries
from . import rules, services_plans
from .forms import STATE_LABELS, TierForm
from .forms_plans import PlanForm
from .queries_prices import steps_of

bp = Blueprint("passes_admin", __name__, url_prefix="/admin/plans")
register(
    NavItem(
        area="admin",
        label=_l("Plans and tiers"),
        endpoint="qunclub.passes_admin.index",
        icon="tags",
        order=30,
        role="admin",
    )
)


@bp.get("")
@allow("admin")
def index() -> Any:
    """Every plan with its stock."""
    q, state = request.args.get("q", "").strip(), request.args.get("state", "")
    moment = now()
    with reading() as session:
        page = queries.plans(session, q=q, state=state, page=page_number())
        reasons = {plan.id: rules.can_sell(plan, moment) for plan in page.items}
        steps = steps_of(session, [plan.id for plan in page.items])
        return render(
            "passes/admin_index.html",
            page=page,
            q=q,
            state=state,
            states=STATE_LABELS,
            prices={
                plan.id: rules.price_at(plan.price, steps[plan.id], sold=plan.held + plan.sold, now=moment)
                for plan in page.items
            },
            left={plan.id: rules.stock_left(plan) for plan in page.items},
            reasons={
                ident: rules.SALE_REASONS[reason] if reason else "" for ident, reason in reasons.items()
            },
        )


@bp.post("/preview")
@allow("admin")
def preview() -> Any:
    """The rendered description that is being written: a fragment."""
    return render("passes/_preview.html", html=render_markdown(request.form.get("description_md", "")))


@bp.post("/steps")
@allow("admin")
def steps() -> Any:
    """The rows of early prices with one more or one less: a fragment of the form."""
    form = PlanForm()
    form.change_rows(request.form)
    return render("passes/_steps.html", form=form)


@bp.route("/new", methods=["GET", "POST"])
@allow("admin")
def new() -> Any:
    """Make a plan; as a draft nobody sees it yet."""
    form = PlanForm()
    with reading() as session:
        form.offer(queries.choices(session), none=_("none"))
    if not form.is_submitted():
        form.currency.data = club().settings.currency
    elif _only_rows():
        form.change_rows(request.form)
    elif form.validate():
        with form.refusals():
            draft = form.draft()
            made = transact(
                lambda session: (
                    services_plans.create(session, draft=draft, actor=current_actor(), now=now()).id
                )
            )
            flash(_("The plan is made."))
            return see_other(".edit", plan_id=made) if draft.hidden else see_other(".index")
    return render("passes/admin_edit.html", form=form, plan=None, stale=""), 422 if form.errors else 200


@bp.route("/<int:plan_id>", methods=["GET", "POST"])
@allow("admin")
def edit(plan_id: int) -> Any:
    """Change a plan."""
    form, stale = PlanForm(), ""
    with reading() as session:
        form.offer(queries.choices(session, plan_id), none=_("none"))
        plan = queries.plan(session, plan_id)
        if not form.is_submitted():
            form.show(services_plans.draft_of(session, plan), plan.version)
        session.expunge(plan)
    if form.is_submitted() and _only_rows():
        form.change_rows(request.form)
    elif form.validate_on_submit():
        try:
            with form.refusals():
                draft, version = form.draft(), version_in(form.version.data)
                transact(
                    lambda session: services_plans.update_plan(
                        session,
                        plan_id=plan_id,
                        version=version,
                        draft=draft,
                        actor=current_actor(),
                        now=now(),
                    )
                )
                flash(_("Saved."))
                return (
                    see_other(".edit", plan_id=plan_id)
                    if draft.hidden and not plan.hidden
                    else see_other(".index")
                )
        except Stale as error:
            # What was typed stays in the form; saving again from here is a decision, so it carries the new version.
            stale, form.version.data = explain(error), str(plan.version)
    status = 409 if stale else 422 if form.errors else 200
    link = absolute_url("qunclub.passes.show", slug=plan.slug, key=plan.link_key) if plan.link_key else ""
    return render("passes/admin_edit.html", form=form, plan=plan, stale=stale, link=link), status


def _only_rows() -> bool:
    """Whether the form was sent, without JavaScript, only to have one more or one less of its rows."""
    return "add_step" in request.form or "remove_step" in request.form


@bp.post("/<int:plan_id>/link")
@allow("admin")
def new_link(plan_id: int) -> Any:
    """Another link for a hidden plan; the one before leads nowhere."""
    transact(
        lambda session: services_plans.new_link(session, plan_id=plan_id, actor=current_actor(), now=now()).id
    )
    flash(_("The plan has a new link; the one before leads nowhere now."))
    return see_other(".edit", plan_id=plan_id)


@bp.get("/tiers")
@allow("admin")
def tiers() -> Any:
    """Every level of membership."""
    with reading() as session:
        return render("passes/admin_tiers.html", tiers=queries.tiers(session))


@bp.route("/tiers/new", methods=["GET", "POST"])
@allow("admin")
def new_tier() -> Any:
    """Make a tier."""
    return _tier_page(TierForm(), None)


@bp.route("/tiers/<int:tier_id>", methods=["GET", "POST"])
@allow("admin")
def edit_tier(tier_id: int) -> Any:
    """Change a tier."""
    with reading() as session:
        tier = session.get(Tier, tier_id)
        if tier is None:
            raise NotFound()
        session.expunge(tier)
    return _tier_page(TierForm(obj=tier), tier)


def _tier_page(form: TierForm, tier: Tier | None) -> Any:
    if form.validate_on_submit():
        code = tier.code if tier else (form.code.data or "").strip()
        with form_errors(form):
            transact(
                lambda session: services_plans.save_tier(
                    session,
                    code=code,
                    name=form.name.data or "",
                    rank=form.rank.data or 0,
                    benefits=form.benefits.data or "",
                    actor=current_actor(),
                    now=now(),
                )
            )
            flash(_("Saved."))
            return see_other(".tiers")
    return render("passes/admin_tier.html", form=form, tier=tier), 422 if form.errors else 200
