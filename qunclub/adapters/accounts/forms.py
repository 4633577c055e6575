"""Forms of the accounts pages."""

from __future__ import annotations

from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from qunclub.web import Form, _l

from .services import MAX_PASSWORD


class SignInForm(Form):
    """E-mail and password."""

    email = EmailField(_l("E-mail"), [InputRequired()], render_kw={"autocomplete": "username"})
    password = PasswordField(
        _l("Password"), [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
    remember = BooleanField(_l("Keep me signed in on this device"), default=True)


class SignUpForm(Form):
    """A new account."""

    name = StringField(_l("Your name"), [InputRequired(), Length(max=60)], render_kw={"autocomplete": "name"})
    email = EmailField(
        _l("E-mail"), [InputRequired(), Length(max=254)], render_kw={"autocomplete": "username"}
    )
    password = PasswordField(
        _l("Password"),
        [InputRequired(), Length(max=MAX_PASSWORD)],
        description=_l("At least 10 characters; a short sentence is good."),
        render_kw={"autocomplete": "new-password"},
    )


class ForgotForm(Form):
    """Where to send the reset link."""

    email = EmailField(_l("E-mail"), [InputRequired()], render_kw={"autocomplete": "username"})


class ResetForm(Form):
    """A new password by a mailed link."""

    password = PasswordField(
        _l("New password"),
        [InputRequired()],
        description=_l("At least 10 characters; a short sentence is good."),
        render_kw={"autocomplete": "new-password"},
    )


class ChangePasswordForm(Form):
    """A new password of a signed-in account."""

    current = PasswordField(
        _l("Present password"), [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
    new = PasswordField(
        _l("New password"),
        [InputRequired()],
        description=_l("At least 10 characters; a short sentence is good."),
        render_kw={"autocomplete": "new-password"},
    )


class ChangeEmailForm(Form):
    """A new address; proven by mail before it counts."""

    email = EmailField(
        _l("New e-mail"), [InputRequired(), Length(max=254)], render_kw={"autocomplete": "email"}
    )
    current = PasswordField(
        _l("Present password"), [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
