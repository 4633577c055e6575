"""Forms about passes, tiers and tickets."""

from __future__ import annotations

from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from qunclub.kernel import ClubError
from qunclub.web import Form, SelectField, _l, explain

STATE_LABELS = {"draft": _l("Draft"), "on_sale": _l("On sale"), "closed": _l("Off sale")}
PASS_LABELS = {
    "active": _l("Active"),
    "suspended": _l("Suspended: the payment is disputed"),
    "expired": _l("Expired"),
    "revoked": _l("Revoked"),
}


class DoorForm(Form):
    """What a host types or scans."""

    code = StringField(
        _l("Code of the ticket"),
        [InputRequired(), Length(max=400)],
        description=_l("The twelve letters and digits under the QR code, or the whole scanned address."),
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )

    def refuse(self, error: ClubError) -> None:
        """Say on the field why the code is no ticket."""
        self.code.errors = [*self.code.errors, explain(error)]


class NameForm(Form):
    """The name somebody takes in the club."""

    nickname = StringField(
        _l("Nickname"),
        [InputRequired()],
        description=_l("What others call you; up to 24 characters."),
        render_kw={"maxlength": 24, "autocomplete": "nickname"},
    )
    city = StringField(
        _l("City"),
        [Length(max=30)],
        description=_l("So that members near you can find you."),
        render_kw={"maxlength": 30, "autocomplete": "address-level2"},
    )


class RevokeForm(Form):
    """Why a pass is taken back."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=1000)],
        description=_l("The member gets it by mail."),
        render_kw={"rows": 3},
    )


class GiveForm(Form):
    """A pass as a gift of the club."""

    member = StringField(
        _l("Member"),
        [InputRequired(), Length(max=254)],
        description=_l("The number or the e-mail address of somebody with an account."),
    )
    plan_id = SelectField(_l("Pass"), coerce=int, validate_choice=False)
    reason = StringField(_l("What for"), [InputRequired(), Length(max=400)])
    key = HiddenField()


class TierForm(Form):
    """A level of membership."""

    code = StringField(
        _l("Short code"),
        [InputRequired(), Length(max=40)],
        description=_l("Small letters, digits and dashes; it stays."),
    )
    name = StringField(_l("Name"), [InputRequired(), Length(max=80)])
    rank = IntegerField(
        _l("Level"),
        [InputRequired(), NumberRange(min=0, max=1_000_000)],
        description=_l("Of several passes the tier with the highest level counts."),
    )
    benefits = TextAreaField(
        _l("Benefits"), [Length(max=4000)], description=_l("One a line; shown with every pass that gives the tier."),
        render_kw={"rows": 5},
    )  # fmt: skip
