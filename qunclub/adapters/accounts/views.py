"""The accounts pages: sign up, verify, sign in and out, forget, change."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, session, url_for
from flask_login import current_user, login_user, logout_user
from limits import parse

from qunclub.kernel import Conflict, Forbidden
from qunclub.web import (
    _,
    allow,
    club,
    club_url,
    current_actor_or_none,
    flash,
    forget_actor,
    form_errors,
    limit,
    locale,
    now,
    reading,
    render,
    safe_next,
    see_other,
    transact,
    unit_of_work,
)
from qunclub.web.i18n import N_
from qunclub.web.limits import check

from . import services
from .forms import ChangeEmailForm, ChangePasswordForm, ForgotForm, ResetForm, SignInForm, SignUpForm
from .identity import SignedIn
from .models import Account

bp = Blueprint("accounts", __name__, url_prefix="/account")
ENDPOINTS = {
    "sign_in": "qunclub.accounts.sign_in",
    "sign_up": "qunclub.accounts.sign_up",
    "sign_out": "qunclub.accounts.sign_out",
    "account": "qunclub.accounts.settings",
}


def _enter(account: Account, *, remember: bool) -> None:
    # A fresh session for a fresh sign-in: what a stranger planted in the old one is gone, the language stays.
    kept = session.get("qunclub_locale")
    session.clear()
    if kept:
        session["qunclub_locale"] = kept
    login_user(SignedIn(account), remember=remember)
    forget_actor()


def _target() -> str:
    return safe_next(request.values.get("next"), url_for("qunclub.home.index"))


def _here() -> Any:
    return see_other("qunclub.home.index")


@bp.route("/sign-in", methods=["GET", "POST"])
@allow("anyone")
@limit("30 per 5 minutes", name="sign-in")
def sign_in() -> Any:
    """Sign in, then go on to where one was going."""
    if request.method == "GET" and current_actor_or_none() is not None:
        return _here()
    form = SignInForm()
    if form.validate_on_submit():
        # Per address as well: a botnet has many addresses of its own, but the victim has one.
        check(parse("10 per 5 minutes"), "sign-in-account", (form.email.data or "").strip().lower())
        # Reading only: a hash takes 90 ms, and a unit of work would hold the write lock for as long.
        with reading() as work:
            account = services.authenticate(
                work, email=form.email.data or "", password=form.password.data or ""
            )
        if account is not None:
            _enter(account, remember=bool(form.remember.data))
            return redirect(_target(), 303)
        form.form_errors.append(_("E-mail and password do not match. Check both, or reset the password."))
    return render("accounts/sign_in.html", form=form, next=_target()), 422 if form.errors else 200


@bp.route("/sign-up", methods=["GET", "POST"])
@allow("anyone")
@limit("20 per hour", name="sign-up")
def sign_up() -> Any:
    """Make an account; it is signed in at once and its address proven by mail."""
    if request.method == "GET" and current_actor_or_none() is not None:
        return _here()
    form = SignUpForm()
    if form.validate_on_submit():
        state = club()
        with form_errors(form):
            secret_hash = services.hashed(form.password.data or "", form.email.data or "")
            # Two requests at once for one address: the second runs again and is told.
            account = transact(
                lambda work: services.sign_up(
                    work,
                    email=form.email.data or "",
                    name=form.name.data or "",
                    password_hash=secret_hash,
                    locale=locale(),
                    secret=state.secret,
                    site_url=_base_url(),
                    now=now(),
                )
            )
            _enter(account, remember=True)
        if not form.errors:
            flash(_("Welcome. We sent a link to %(email)s; follow it when you can.", email=form.email.data))
            return redirect(_target(), 303)
    return render("accounts/sign_up.html", form=form, next=_target()), 422 if form.errors else 200


def _base_url() -> str:
    """The public address of the club's root, without a trailing slash."""
    return club_url()


@bp.post("/sign-out")
@allow("anyone")
def sign_out() -> Any:
    """Sign out of this device."""
    logout_user()
    kept = session.get("qunclub_locale")
    session.clear()
    if kept:
        session["qunclub_locale"] = kept
    forget_actor()
    flash(_("You are signed out."), "info")
    return see_other("qunclub.home.index")


@bp.get("/verify/<token>")
@allow("anyone")
def verify(token: str) -> Any:
    """Follow a mailed link."""
    with unit_of_work() as work:
        account = services.verify(work, token=token, secret=club().secret, now=now())
        # The member row keeps a copy of the address for the admins' lists and the mails.
        club().load_member(work, services.identity_of(account), now())
    forget_actor()
    flash(_("Your e-mail address is confirmed."))
    return see_other("qunclub.accounts.settings" if current_actor_or_none() else "qunclub.accounts.sign_in")


@bp.post("/verify")
@allow("signed_in")
@limit("5 per hour", name="verify-again")
def verify_again() -> Any:
    """Send the verification link once more."""
    with unit_of_work() as work:
        account = work.get(Account, _account_id())
        assert account is not None  # the session's user was loaded from this row
        if account.verified_at is None:
            services.send_verification(
                work, account=account, secret=club().secret, site_url=_base_url(), now=now()
            )
    flash(_("We sent the link once more."), "info")
    return see_other("qunclub.accounts.settings")


@bp.route("/forgot", methods=["GET", "POST"])
@allow("anyone")
@limit("10 per hour", name="forgot")
def forgot() -> Any:
    """Ask for a reset link; the answer is the same whether or not the address is known."""
    form = ForgotForm()
    sent = False
    if form.validate_on_submit():
        with unit_of_work() as work:
            services.send_reset(
                work, email=form.email.data or "", secret=club().secret, site_url=_base_url(), now=now()
            )
        sent = True
    return render("accounts/forgot.html", form=form, sent=sent), 422 if form.errors else 200


@bp.route("/reset/<token>", methods=["GET", "POST"])
@allow("anyone")
@limit("20 per hour", name="reset")
def reset(token: str) -> Any:
    """Set a new password by a mailed link."""
    form = ResetForm()
    try:
        if form.validate_on_submit():
            with form_errors(form):
                owner = services.peek_reset(club().session(), token=token, secret=club().secret)
                fresh = services.hashed(form.password.data or "", owner.email)
                with unit_of_work() as work:
                    account = services.reset_password(
                        work, token=token, password_hash=fresh, secret=club().secret, now=now()
                    )
                    _enter(account, remember=False)
                flash(_("Your password is changed, and you are signed in."))
                return _here()
        else:
            services.peek_reset(club().session(), token=token, secret=club().secret)
    except Conflict as error:
        flash(_(error.message), "warning")
        return see_other("qunclub.accounts.forgot")
    return render("accounts/reset.html", form=form), 422 if form.errors else 200


@bp.get("/")
@allow("signed_in")
def settings() -> Any:
    """The account: address, password, sign out."""
    return _settings_page(ChangePasswordForm(prefix="pw"), ChangeEmailForm(prefix="em"))


def _settings_page(password: ChangePasswordForm, email: ChangeEmailForm) -> Any:
    user: Any = current_user
    if not user.is_authenticated:
        raise Forbidden(N_("Sign in to go on."))
    page = render("accounts/settings.html", password=password, email=email, user=user)
    return page, 422 if password.errors or email.errors else 200


@bp.post("/password")
@allow("signed_in")
@limit("10 per hour", name="change-password")
def change_password() -> Any:
    """Change the password; every other device is signed out."""
    form = ChangePasswordForm(prefix="pw")
    if form.validate_on_submit():
        with form_errors(form):
            with reading() as work:
                owner = services.confirm_password(
                    work, account_id=_account_id(), password=form.current.data or ""
                )
                fresh = services.hashed(form.new.data or "", owner.email, field="new")
            with unit_of_work() as work:
                account = services.change_password(
                    work, account_id=_account_id(), password_hash=fresh, now=now()
                )
                _enter(account, remember=True)
        if not form.errors:
            flash(_("Your password is changed. Other devices are signed out."))
            return see_other("qunclub.accounts.settings")
    return _settings_page(form, ChangeEmailForm(prefix="em", formdata=None))


@bp.post("/email")
@allow("signed_in")
@limit("10 per hour", name="change-email")
def change_email() -> Any:
    """Ask for another address; it counts once its link is followed."""
    form = ChangeEmailForm(prefix="em")
    if form.validate_on_submit():
        with form_errors(form):
            with reading() as work:
                services.confirm_password(work, account_id=_account_id(), password=form.current.data or "")
            with unit_of_work() as work:
                services.start_email_change(
                    work,
                    account_id=_account_id(),
                    email=form.email.data or "",
                    secret=club().secret,
                    site_url=_base_url(),
                    now=now(),
                )
        if not form.errors:
            flash(_("We sent a link to the new address. It counts once you follow it."), "info")
            return see_other("qunclub.accounts.settings")
    return _settings_page(ChangePasswordForm(prefix="pw", formdata=None), form)


def _account_id() -> int:
    user: Any = current_user
    if not user.is_authenticated:
        raise Forbidden(N_("Sign in to go on."))
    ident: int = user.account_id
    return ident
