"""Forms about receipts and fapiao."""

from __future__ import annotations

from wtforms import BooleanField, HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from qunclub.web import Form, RadioField, _l


class FapiaoForm(Form):
    """What a fapiao is made out to."""

    kind = RadioField(
        _l("Made out to"),
        [InputRequired()],
        choices=[("personal", _l("A person")), ("company", _l("A company"))],
        default="personal",
    )
    title = StringField(
        _l("Title (抬头)"),
        [InputRequired(), Length(max=160)],
        description=_l("The person's or the company's full name."),
        render_kw={"maxlength": 160, "autocomplete": "organization"},
    )
    tax_no = StringField(
        _l("Tax number (税号)"),
        [Optional(), Length(max=40)],
        description=_l("Only for a company: its unified social credit code."),
        render_kw={"maxlength": 40, "autocomplete": "off", "spellcheck": "false"},
    )
    email = StringField(
        _l("E-mail"),
        [InputRequired(), Length(max=254)],
        description=_l("The fapiao is sent there."),
        render_kw={"type": "email", "maxlength": 254, "autocomplete": "email"},
    )


class IssueForm(Form):
    """It was issued."""

    number = StringField(
        _l("Number of the fapiao"),
        [InputRequired(), Length(max=60)],
        render_kw={"maxlength": 60, "autocomplete": "off", "spellcheck": "false"},
    )
    seen = HiddenField()


class RefuseForm(Form):
    """It is not issued."""

    reason = TextAreaField(
        _l("What is wrong"),
        [InputRequired(), Length(max=500)],
        description=_l("The buyer reads it, and can put it right."),
        render_kw={"rows": 3, "maxlength": 500},
    )
    seen = HiddenField()


class RedForm(Form):
    """The red-letter one was issued."""

    number = StringField(
        _l("Number of the red-letter fapiao (冲红)"),
        [InputRequired(), Length(max=60)],
        render_kw={"maxlength": 60, "autocomplete": "off", "spellcheck": "false"},
    )


class PapersForm(Form):
    """Who issues the papers."""

    issuer = StringField(
        _l("Name of the issuer"),
        [Optional(), Length(max=160)],
        description=_l("Your club's or company's legal name. Empty: the name of the club."),
        render_kw={"maxlength": 160},
    )
    address = TextAreaField(
        _l("Address of the issuer"), [Optional(), Length(max=500)], render_kw={"rows": 3, "maxlength": 500}
    )
    contact = StringField(
        _l("Contact"),
        [Optional(), Length(max=200)],
        description=_l("E-mail or telephone for questions about a receipt."),
        render_kw={"maxlength": 200},
    )
    tax_id = StringField(_l("Tax number"), [Optional(), Length(max=60)], render_kw={"maxlength": 60})
    footer = TextAreaField(
        _l("Last lines"),
        [Optional(), Length(max=500)],
        description=_l("What the law or your accountant wants on every receipt."),
        render_kw={"rows": 2, "maxlength": 500},
    )
    fapiao = BooleanField(_l("Buyers can ask for a fapiao (发票)"))
