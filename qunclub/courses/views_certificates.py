"""Certificates for everybody to check: the public page, the picture and the sheet; claiming one's own."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, Response, request
from limits import parse
from sqlalchemy.orm import Session

from qunclub.kernel import Access, Actor, NotFound
from qunclub.web import (
    N_,
    _,
    absolute_url,
    allow,
    club,
    flash,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)
from qunclub.web.limits import check
from qunclub.web.render import format_date

from . import certificate_card, queries, queries_certificates, services_certificates
from .models import Certificate
from .views import SECTIONS

bp = Blueprint("certificates", __name__)
UNKNOWN = parse("20 per minute")


def course_section(
    session: Session, course: queries.CourseView, actor: Actor | None, access: Access, moment: dt.datetime
) -> str:
    """What a course's home says of its certificate."""
    mine = queries_certificates.of_course(session, course.id, actor.member_id if actor else None)
    if not mine.given and mine.code is None:
        return ""
    published = [one.id for one in course.lessons if one.state == "published"]
    return render(
        "courses/_certificate.html",
        course=course,
        mine=mine,
        ready=actor is not None and bool(published) and course.done.issuperset(published),
    )


SECTIONS.append(course_section)


@bp.post("/courses/<slug>/-/certificate")
@allow("signed_in")
def claim(slug: str) -> Any:
    """My certificate of a course that I had finished before it gave one."""
    ident = member_id()

    def command(session: Session) -> str:
        course = queries.course_view(session, slug=slug, member_id=ident, staff=False)
        return services_certificates.claim(session, course_id=course.id, member_id=ident, now=now()).code

    code = transact(command)
    flash(_("Here is your certificate. Well done."))
    return see_other(".show", code=code)


@bp.get("/certificates/<code>")
@allow("anyone")
def show(code: str) -> Any:
    """Whether a certificate is good: name as printed, course, date, number; or since when and why it is not."""
    with reading() as session:
        row, number = _found(session, code)
        return render(
            "courses/certificate.html",
            row=row,
            number=number,
            printed=queries_certificates.grouped(row.code),
            page_meta={
                "title": _("Certificate of %(name)s", name=row.name),
                "description": row.course_title,
                "url": _address(row),
            },
        )


@bp.get("/certificates/<code>.png")
@allow("anyone")
def png(code: str) -> Response:
    """The certificate as a picture."""
    return _sheet(code, "png", "image/png")


@bp.get("/certificates/<code>.pdf")
@allow("anyone")
def pdf(code: str) -> Response:
    """The certificate as a sheet to print."""
    return _sheet(code, "pdf", "application/pdf")


def _sheet(code: str, kind: str, mimetype: str) -> Response:
    with reading() as session:
        row = _found(session, code)[0]
        if row.revoked_at is not None:
            raise NotFound(N_("This certificate was revoked; there is no sheet of it any more."))
        facts = _facts(row)
        name = f"certificate-{row.code}.{kind}"
    response = Response(mimetype=mimetype, headers={"Cache-Control": "private, no-cache"})
    response.set_etag(f"{kind}-{facts.etag}")
    if f"{kind}-{facts.etag}" not in request.if_none_match:
        response.set_data(certificate_card.png(facts) if kind == "png" else certificate_card.pdf(facts))
    if kind == "pdf" or "download" in request.args:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.make_conditional(request)
    return response


def _facts(row: Certificate) -> certificate_card.CertificateFacts:
    return certificate_card.CertificateFacts(
        club=club().settings.club_name,
        title=_("Certificate"),
        sentence=_("has finished every lesson of the course"),
        name=row.name,
        course=row.course_title,
        date=format_date(row.issued_at),
        number=_("Certificate %(code)s", code=queries_certificates.grouped(row.code)),
        check=_("Whether it is good can be checked here:"),
        url=_address(row),
        issued_at=row.issued_at,
    )


def _address(row: Certificate) -> str:
    return absolute_url("qunclub.certificates.show", code=row.code)


def _found(session: Session, code: str) -> tuple[Certificate, int | None]:
    found = queries_certificates.by_code(session, code)
    if found is None:
        # Codes cannot be guessed; whoever tries many anyway is slowed down.
        check(UNKNOWN, "certificate", request.remote_addr or "")
        raise NotFound(N_("There is no certificate with this number."))
    return found
