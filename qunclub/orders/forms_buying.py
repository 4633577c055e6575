"""What a buyer fills in: the order itself, and whom a claim code is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.kernel import Invalid
from qunclub.web import Form, RadioField, _, _l, explain

from . import rules_claims, rules_selling
from .rules_selling import Details, Purchase

MOST_TYPED = 60_000


class OrderForm(Form):
    """An order of one plan. What the plan does not ask for is not on it.

    A POST without any of its fields orders one pass for the member who sends it.
    """

    gift = RadioField(
        _l("Who is it for?"),
        [Optional()],
        choices=[("", _l("For me")), ("1", _l("As a gift, or for my company"))],
        default="",
    )
    quantity = IntegerField(
        _l("How many"),
        [Optional(), NumberRange(min=1)],
        default=1,
        render_kw={"inputmode": "numeric", "min": 1, "autocomplete": "off"},
    )
    recipients = TextAreaField(
        _l("Whom the passes are for"),
        [Optional(), Length(max=MOST_TYPED)],
        description=_l(
            "One a line: name, e-mail. Once you have paid we write to them. You can leave this empty and pass the "
            "codes on yourself."
        ),
        render_kw={"rows": 4, "autocomplete": "off", "spellcheck": "false"},
    )
    message = TextAreaField(
        _l("A few words to go with it"),
        [Optional(), Length(max=rules_claims.MESSAGE_LENGTH)],
        render_kw={"rows": 2, "maxlength": rules_claims.MESSAGE_LENGTH},
    )
    coupon = StringField(
        _l("Coupon"),
        [Optional(), Length(max=250)],
        description=_l("Several go with a space between them."),
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )
    name = StringField(
        _l("Your name"),
        [InputRequired(), Length(max=120)],
        render_kw={"autocomplete": "name", "maxlength": 120},
    )
    phone = StringField(
        _l("Phone"),
        [InputRequired(), Length(max=40)],
        render_kw={"autocomplete": "tel", "type": "tel", "maxlength": 40},
    )
    address = TextAreaField(
        _l("Address"),
        [InputRequired(), Length(max=500)],
        render_kw={"autocomplete": "street-address", "rows": 3, "maxlength": 500},
    )
    pay_by = RadioField(_l("How do you want to pay?"), [Optional()], default=rules_selling.GATEWAY)
    # What the buyer was shown: nobody is charged more than they have read.
    seen = HiddenField()

    @property
    def is_gift(self) -> bool:
        """Whether the passes are to be given away."""
        return bool(self.gift and self.gift.data)

    @property
    def shown_total(self) -> int | None:
        """The total that stood on the page when the form was sent."""
        text = self.seen.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def purchase(self, plan_id: int) -> Purchase:
        """What is to be bought.

        Raises:
            Invalid: on ``recipients``, naming the line.
        """
        quantity = (self.quantity.data or 1) if self.is_gift else 1
        people = (
            rules_claims.recipients_of(
                self.recipients.data or "", most=quantity, message=(self.message.data or "").strip()
            )
            if self.is_gift
            else ()
        )
        return Purchase(
            plan_id=plan_id,
            quantity=quantity,
            gift=self.is_gift,
            recipients=people,
            coupon_codes=codes_in(self.coupon.data or ""),
            details=Details(
                **{ask: (self[ask].data or "").strip() for ask in rules_selling.ASKS if ask in self}
            ),
            pay_by=(self.pay_by.data if self.pay_by else None) or rules_selling.GATEWAY,
        )


def codes_in(typed: str) -> tuple[str, ...]:
    """The coupon codes of one field, between spaces and commas."""
    return tuple(typed.replace(",", " ").replace("，", " ").replace("、", " ").split())


def order_form(
    *,
    asks: str,
    gift_max: int,
    ways: list[tuple[str, str]],
    formdata: Any,
    data: Mapping[str, Any] | None = None,
) -> OrderForm:
    """The form as this plan needs it.

    Args:
        ways: the ways to pay, at least one.
        formdata: what was sent, or None for a form to be filled in.
    """
    form = OrderForm(formdata=formdata, data=dict(data or {}))
    wanted = {ask.strip() for ask in asks.split(",")}
    for name in rules_selling.ASKS:
        if name not in wanted:
            del form[name]
    if gift_max:
        form.quantity.render_kw = {**(form.quantity.render_kw or {}), "max": gift_max}
    else:
        for name in ("gift", "recipients", "message"):
            form[name].data = ""
        form.quantity.data = 1
    form.pay_by.choices = ways
    if form.pay_by.data not in dict(ways):
        form.pay_by.data = ways[0][0]
    return form


def checked(form: OrderForm, plan_id: int, *, gift_max: int, whole: bool) -> Purchase | None:
    """The purchase when the form can be taken; else what is wrong stands on its fields.

    Args:
        whole: false while the buyer only asks for the price: what is still empty is not wrong yet.
    """
    valid = form.validate()
    if not whole:
        for field in form:
            if not field.data:
                field.errors = []
        valid = not any(field.errors for field in form)
    if form.is_gift and (form.quantity.data or 1) > gift_max:
        form.quantity.errors = [*form.quantity.errors, _("At most %(most)s in one order.", most=gift_max)]
        valid = False
    if not valid:
        return None
    try:
        return form.purchase(plan_id)
    except Invalid as error:
        form.recipients.errors = [*form.recipients.errors, explain(error)]
        return None


class RecipientForm(Form):
    """Whom a code is for."""

    name = StringField(
        _l("Name"), [Optional(), Length(max=120)], render_kw={"maxlength": 120, "autocomplete": "off"}
    )
    email = StringField(
        _l("E-mail"),
        [Optional(), Length(max=254)],
        render_kw={"type": "email", "maxlength": 254, "autocomplete": "off"},
    )
    message = TextAreaField(
        _l("A few words to go with it"),
        [Optional(), Length(max=rules_claims.MESSAGE_LENGTH)],
        render_kw={"rows": 2, "maxlength": rules_claims.MESSAGE_LENGTH},
    )


class ClaimForm(Form):
    """A code that somebody was given."""

    code = StringField(
        _l("Code"),
        [InputRequired(), Length(max=80)],
        description=_l("Twenty letters and digits; dashes and small letters do not matter."),
        render_kw={
            "autocomplete": "off",
            "autocapitalize": "characters",
            "spellcheck": "false",
            "maxlength": 80,
        },
    )
