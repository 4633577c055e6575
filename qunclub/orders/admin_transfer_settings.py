"""The settings of transfers: on or off, the account, the collection codes, how long an order waits."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from qunclub.kernel import Conflict, Invalid, NotFound, ids, scanning
from qunclub.kernel.uploads import clean_name
from qunclub.web import (
    N_,
    _,
    allow,
    club,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)
from qunclub.web.files import give_out

from . import transfer_settings
from .forms_transfers import PictureForm, SettingsForm
from .rules_transfers import MOST_PICTURES
from .transfers_views import FOLDER

bp = Blueprint("transfers_settings", __name__, url_prefix="/admin/transfers/settings")


@bp.get("")
@allow("admin")
def show() -> Any:
    """How the club takes transfers."""
    return _page()


def _page(*, form: SettingsForm | None = None, picture: PictureForm | None = None) -> Any:
    with reading() as session:
        settings = transfer_settings.load(session)
    kept = {
        "on": settings.on,
        "currencies": ", ".join(settings.currencies or (club().settings.currency,)),
        "days": settings.days,
        "account": settings.account,
        "text_zh": settings.text.get("zh", ""),
        "text_en": settings.text.get("en", ""),
    }
    page = render(
        "orders/admin_transfer_settings.html",
        settings=settings,
        form=form or SettingsForm(formdata=None, data=kept),
        picture=picture or PictureForm(formdata=None),
        room=len(settings.pictures) < MOST_PICTURES,
    )
    failed = any(one is not None and one.errors for one in (form, picture))
    return (page, 422) if failed else page


@bp.post("")
@allow("admin")
def save() -> Any:
    """Change them."""
    form = SettingsForm()
    if form.validate_on_submit():
        with form_errors(form):
            with unit_of_work() as session:
                transfer_settings.save(
                    session,
                    on=bool(form.on.data),
                    text={"zh": form.text_zh.data or "", "en": form.text_en.data or ""},
                    account=form.account.data or "",
                    days=form.days.data or 0,
                    currencies=(form.currencies.data or "").replace("，", ",").split(","),
                    now=now(),
                    actor=current_actor(),
                )
            flash(_("Saved."))
            return see_other(".show")
    return _page(form=form)


@bp.post("/codes")
@allow("admin")
def add() -> Any:
    """One more collection code."""
    form = PictureForm()
    if form.validate_on_submit():
        with form_errors(form):
            _add(form.label.data or "")
            flash(_("Buyers see the code now."))
            return see_other(".show", _anchor="codes")
    return _page(picture=form)


def _add(label: str) -> None:
    came = request.files.get("picture")
    if came is None or not came.filename:
        raise Invalid(N_("Choose a file first."), field="picture")
    clean = transfer_settings.check_picture(came.stream.read(transfer_settings.MOST_PICTURE_BYTES + 1))
    scanning.scan(club().scanner, clean_name(came.filename), clean, field="picture")
    key = f"{FOLDER}/{ids.token(24)}"
    files = club().files
    files.put(key, clean)
    try:
        with unit_of_work() as session:
            transfer_settings.add_picture(session, key=key, label=label, now=now(), actor=current_actor())
    except BaseException:
        files.delete(key)
        raise


@bp.get("/codes/<token>.png")
@allow("admin")
def picture(token: str) -> Response:
    """A collection code, as buyers see it."""
    key = f"{FOLDER}/{token}"
    with reading() as session:
        if transfer_settings.load(session).picture(key) is None:
            raise NotFound()
    return give_out(key, content_type="image/png", name="code.png", inline=True)


@bp.post("/codes/<token>/delete")
@allow("admin")
def drop(token: str) -> Any:
    """Take a collection code away."""
    try:
        with unit_of_work() as session:
            transfer_settings.drop_picture(session, key=f"{FOLDER}/{token}", now=now(), actor=current_actor())
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other(".show", _anchor="codes")
    flash(_("The code is gone."))
    return see_other(".show", _anchor="codes")
