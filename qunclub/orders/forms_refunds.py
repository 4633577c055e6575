"""Forms about giving money back."""

from __future__ import annotations

from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.web import Form, RadioField, SelectMultipleField, _l

WHOLE, PART, CODES = "whole", "part", "codes"
WAYS = [(WHOLE, _l("Everything that is left")), (PART, _l("An amount of one payment"))]


class RefundForm(Form):
    """How much goes back, and why."""

    what = RadioField(
        _l("What goes back"),
        choices=WAYS,
        default=PART,
    )
    payment = RadioField(_l("Of which payment"), coerce=int, validate_choice=False)
    amount = StringField(_l("Amount to give back"), render_kw={"inputmode": "decimal", "autocomplete": "off"})
    codes = SelectMultipleField(
        _l("Claim codes to revoke"),
        coerce=int,
        validate_choice=False,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    reason = StringField(
        _l("Reason"),
        [InputRequired(), Length(max=300)],
        description=_l("Kept with the order and told to the payment service."),
        render_kw={"maxlength": 300},
    )


class OwnCodesForm(Form):
    """Which codes a buyer gives back."""

    codes = SelectMultipleField(
        _l("Codes to give back"),
        coerce=int,
        validate_choice=False,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    reason = StringField(
        _l("Reason"),
        [Length(max=300)],
        description=_l("You need not give one; it helps us to do better."),
        render_kw={"maxlength": 300},
    )


class OwnRefundForm(Form):
    """A buyer's own wish."""

    reason = TextAreaField(
        _l("Reason"),
        [Length(max=300)],
        description=_l("You need not give one; it helps us to do better."),
        render_kw={"rows": 2, "maxlength": 300},
    )
