"""The settings of receipts and fapiao."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.web import (
    _,
    allow,
    club,
    current_actor,
    flash,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import services_fapiao
from .forms_papers import PapersForm

bp = Blueprint("papers_settings", __name__, url_prefix="/admin/papers")


@bp.get("")
@allow("admin")
def show() -> Any:
    """Who issues the papers, and whether there are fapiao."""
    return _page()


def _page(form: PapersForm | None = None) -> Any:
    with reading() as session:
        settings = services_fapiao.load(session)
    if form is None:
        kept = {key: getattr(settings, key) for key in ("issuer", "address", "contact", "tax_id", "footer")}
        on = settings.offers_fapiao(club().settings.currency)
        form = PapersForm(formdata=None, data={**kept, "fapiao": on})
    page = render("orders/admin_papers.html", form=form)
    return (page, 422) if form.errors else page


@bp.post("")
@allow("admin")
def save() -> Any:
    """Change them."""
    form = PapersForm()
    if not form.validate_on_submit():
        return _page(form)
    with unit_of_work() as session:
        services_fapiao.save(
            session,
            issuer=form.issuer.data or "",
            address=form.address.data or "",
            contact=form.contact.data or "",
            tax_id=form.tax_id.data or "",
            footer=form.footer.data or "",
            fapiao=bool(form.fapiao.data),
            now=now(),
            actor=current_actor(),
        )
    flash(_("Saved."))
    return see_other(".show")
