"""Forms about transfers: the buyer's proof, the admin's decision, the settings."""

from __future__ import annotations

from wtforms import BooleanField, FileField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.web import Form, SelectField, _l

from . import rules_transfers as transfers


class ProofForm(Form):
    """A picture or PDF that shows the transfer."""

    file = FileField(_l("Screenshot or PDF"), description=_l("JPG, PNG, WebP or PDF, at most 10 MB."))
    note = StringField(
        _l("Note"),
        [Optional(), Length(max=500)],
        description=_l("For example the name on the account it came from."),
        render_kw={"maxlength": 500, "autocomplete": "off"},
    )


class ConfirmForm(Form):
    """The money is there."""

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
        choices=[("bank", _l("Bank transfer")), ("wechat_pay", _l("WeChat Pay")), ("alipay", _l("Alipay"))],
    )
    seen = HiddenField()


class RejectForm(Form):
    """Something is wrong with the proof."""

    reason = TextAreaField(
        _l("What is wrong"),
        [InputRequired(), Length(max=500)],
        description=_l("The buyer reads it on the order's page and in a mail."),
        render_kw={"rows": 3, "maxlength": 500},
    )
    seen = HiddenField()


class SettingsForm(Form):
    """How the club takes transfers."""

    on = BooleanField(_l("Buyers can pay by transfer"))
    currencies = StringField(
        _l("Currencies"),
        [Optional(), Length(max=100)],
        description=_l("Three letters each, with commas between, such as CNY, USD."),
        render_kw={"autocomplete": "off", "maxlength": 100},
    )
    days = IntegerField(
        _l("Days an order waits"),
        [InputRequired(), NumberRange(1, transfers.MOST_DAYS)],
        description=_l("So long the pass is held. A day before the end the buyer is reminded."),
        render_kw={"inputmode": "numeric"},
    )
    account = TextAreaField(
        _l("Account"),
        [Optional(), Length(max=2000)],
        description=_l("Holder, bank, number, as the buyer needs them; shown as written."),
        render_kw={"rows": 4, "maxlength": 2000},
    )
    text_zh = TextAreaField(
        _l("Instructions in Chinese"),
        [Optional(), Length(max=10_000)],
        description=_l("Markdown."),
        render_kw={"rows": 5},
    )
    text_en = TextAreaField(
        _l("Instructions in English"),
        [Optional(), Length(max=10_000)],
        description=_l("Markdown. Without it, readers of English see the Chinese text."),
        render_kw={"rows": 5},
    )


class PictureForm(Form):
    """A collection code."""

    picture = FileField(_l("Picture of the code"), description=_l("JPG, PNG or WebP, at most 5 MB."))
    label = StringField(
        _l("What it is for"),
        [InputRequired(), Length(max=40)],
        description=_l("Such as WeChat or Alipay; buyers read it under the code."),
        render_kw={"maxlength": 40, "autocomplete": "off"},
    )
