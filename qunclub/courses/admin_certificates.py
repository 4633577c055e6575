"""The register of certificates: find, export, revoke with a reason, restore, issue by hand."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from wtforms import IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from qunclub.kernel import NotFound
from qunclub.web import (
    Form,
    NavItem,
    SelectField,
    _,
    _l,
    allow,
    csv_response,
    current_actor,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import queries, queries_certificates, services_certificates
from .forms_questions import ReasonForm
from .models import Certificate
from .rules_questions import MOST_REASON

bp = Blueprint("certificates_admin", __name__, url_prefix="/admin/certificates")
register(
    NavItem(
        area="admin",
        label=_l("Certificates"),
        endpoint="qunclub.certificates_admin.index",
        icon="award",
        order=42,
        role="admin",
    )
)

# What the audit log calls the acts of this room.
ACTS = {
    "certificate.issue": _l("Certificate issued by hand"),
    "certificate.revoke": _l("Certificate revoked"),
    "certificate.restore": _l("Certificate restored"),
}


class IssueForm(Form):
    """A certificate by hand."""

    course = SelectField(_l("Course"), coerce=int)
    number = IntegerField(_l("Member number"), [InputRequired(), NumberRange(1, 999_999_999)])
    reason = TextAreaField(
        _l("Reason"), [InputRequired(), Length(max=MOST_REASON)], description=_l("Kept in the audit log.")
    )


def _filters() -> dict[str, Any]:
    return {
        "q": request.args.get("q", "").strip()[:120],
        "course": request.args.get("course", type=int),
        "state": request.args.get("state", ""),
    }


@bp.get("")
@allow("admin")
def index() -> Any:
    """Search and filter."""
    filters = _filters()
    with reading() as session:
        page = queries_certificates.admin_list(session, **filters, page=page_number())
        courses = [(row.id, row.title) for row in queries.choices(session)]
        return render(
            "courses/admin_certificates.html",
            page=page,
            courses=courses,
            grouped=queries_certificates.grouped,
            **filters,
        )


@bp.get("/all.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table of record."""
    with reading() as session:
        return csv_response(
            "certificates", queries_certificates.HEADER, queries_certificates.rows(session, **_filters())
        )


@bp.route("/new", methods=["GET", "POST"])
@allow("admin")
def new() -> Any:
    """Issue one by hand."""
    form = IssueForm()
    with reading() as session:
        form.course.choices = [(row.id, row.title) for row in queries.choices(session)]
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services_certificates.issue_by_hand(
                    work,
                    course_id=form.course.data,
                    number=form.number.data or 0,
                    reason=form.reason.data or "",
                    now=now(),
                    actor=current_actor(),
                )
            )
            flash(_("The certificate is issued."))
            return see_other(".index")
    page = render("courses/admin_certificate_new.html", form=form)
    return (page, 422) if form.errors else page


@bp.route("/<int:certificate_id>/revoke", methods=["GET", "POST"])
@allow("admin")
def revoke(certificate_id: int) -> Any:
    """Take one back."""
    with reading() as session:
        row = session.get(Certificate, certificate_id)
        if row is None:
            raise NotFound()
        facts = {"name": row.name, "course": row.course_title}
    form = ReasonForm()
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services_certificates.revoke(
                    work,
                    certificate_id=certificate_id,
                    reason=form.reason.data or "",
                    now=now(),
                    actor=current_actor(),
                )
            )
            flash(_("The certificate is revoked; its public page says so."), "warning")
            return see_other(".index")
    page = render("courses/admin_certificate_revoke.html", form=form, **facts)
    return (page, 422) if form.errors else page


@bp.post("/<int:certificate_id>/restore")
@allow("admin")
def restore(certificate_id: int) -> Any:
    """Make one good again."""
    transact(
        lambda work: services_certificates.restore(
            work, certificate_id=certificate_id, now=now(), actor=current_actor()
        )
    )
    flash(_("The certificate is good again."))
    return see_other(".index")
