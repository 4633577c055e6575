"""The rules of points, for admins: what each kind earns from now on."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.kernel import NotFound
from qunclub.web import (
    _,
    allow,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
    version_in,
)

from . import queries_rulebook, services_rulebook
from .forms import RuleForm
from .rules import KINDS, UNAWARDED
from .rules_limits import Limits, parse_steps, written_steps
from .views import labels

bp = Blueprint("points_rules", __name__, url_prefix="/admin/points/rules")


@bp.get("")
@allow("admin")
def index() -> Any:
    """What each kind earns."""
    return _rules_page()


def _rules_page(failed: tuple[str, RuleForm] | None = None) -> Any:
    with reading() as session:
        shown = []
        for rule in queries_rulebook.all_rules(session):
            limits = Limits.of(rule.limits)
            data = {
                "amount": rule.amount, "active": rule.active, "honours": rule.honours, "version": rule.version,
                "day": limits.day, "season": limits.season, "steps": written_steps(limits.steps),
                "ring_days": limits.ring_days,
            }  # fmt: skip
            form = RuleForm(formdata=None, data=data, prefix=rule.kind)
            if failed is not None and failed[0] == rule.kind:
                form = failed[1]
            shown.append((rule, KINDS[rule.kind], form))
        return render("points/admin_rules.html", rules=shown, labels=labels(), unawarded=UNAWARDED)


@bp.post("/<kind>")
@allow("admin")
def set_rule(kind: str) -> Any:
    """Change what one kind earns from now on."""
    if kind not in KINDS:
        raise NotFound()
    form = RuleForm(prefix=kind)
    if KINDS[kind].own_amount:
        form.amount.validators = ()
        form.amount.data = KINDS[kind].amount
    if form.validate_on_submit():
        shown = form.version.data or ""
        with form_errors(form), unit_of_work() as session:
            services_rulebook.set_rule(
                session,
                kind=kind,
                amount=form.amount.data or 0,
                honours=form.honours.data,
                active=bool(form.active.data),
                limits=Limits(
                    form.day.data,
                    form.season.data,
                    parse_steps(form.steps.data or ""),
                    form.ring_days.data or 0,
                ),
                reason=form.reason.data or "",
                version=version_in(shown),
                actor=current_actor(),
                now=now(),
            )
        if not form.errors:
            flash(_("The rule holds from now on; lines that are written stay as they are."))
            return see_other("qunclub.points_rules.index")
    return _rules_page((kind, form)), 422
