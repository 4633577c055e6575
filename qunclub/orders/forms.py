"""Forms about orders, for admins."""

from __future__ import annotations

import datetime as dt

from wtforms import BooleanField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.web import Form, SelectField, _l


class TransferForm(Form):
    """A transfer that arrived."""

    ref = StringField(
        _l("Reference"),
        [InputRequired(), Length(max=100)],
        description=_l("As the bank or the app shows it; the same reference is taken once."),
        render_kw={"autocomplete": "off", "maxlength": 100},
    )
    amount = StringField(
        _l("Amount that arrived"),
        [InputRequired()],
        render_kw={"inputmode": "decimal", "autocomplete": "off"},
    )
    method = SelectField(
        _l("How it came"),
        choices=[("bank", _l("Bank transfer")), ("alipay", _l("Alipay")), ("wechat_pay", _l("WeChat Pay"))],
    )


class RefundForm(Form):
    """How much goes back, and why."""

    amount = StringField(
        _l("Amount to give back"),
        [InputRequired()],
        render_kw={"inputmode": "decimal", "autocomplete": "off"},
    )
    reason = StringField(
        _l("Reason"),
        [InputRequired(), Length(max=300)],
        description=_l("Kept with the order and told to the payment service."),
        render_kw={"maxlength": 300},
    )


class NoteForm(Form):
    """A word on an order."""

    text = TextAreaField(
        _l("Note"), [InputRequired(), Length(max=2000)], render_kw={"rows": 3, "maxlength": 2000}
    )
    close = BooleanField(_l("This settles it: the order needs no more attention"))


def day(text: str) -> dt.date | None:
    """A day typed into a filter, or None."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
