"""The form of a coupon, for admins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from wtforms import BooleanField, DateTimeLocalField, HiddenField, IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.kernel import parse_amount, to_decimal
from qunclub.web import Form, SelectField, SelectMultipleField, _l, club

from .models_selling import Coupon
from .services_coupons import MOST_USES, CouponDraft

KINDS = {"percent": _l("Percent of the price"), "fixed": _l("A fixed amount")}
MOMENT = "%Y-%m-%dT%H:%M"


class CouponForm(Form):
    """A coupon; the amount is typed in major units, times are the club's."""

    code = StringField(
        _l("Coupon code"),
        [InputRequired(), Length(max=60)],
        description=_l(
            "What buyers type: letters A to Z, digits and dashes; small letters are taken as capitals."
        ),
        render_kw={
            "autocomplete": "off",
            "autocapitalize": "characters",
            "spellcheck": "false",
            "maxlength": 60,
        },
    )
    title = StringField(
        _l("Purpose"),
        [Length(max=160)],
        description=_l("Only admins see it."),
        render_kw={"maxlength": 160},
    )
    kind = SelectField(_l("What it takes off"), choices=list(KINDS.items()))
    percent = IntegerField(
        _l("Percent"),
        [Optional(), NumberRange(min=1, max=100)],
        description=_l("From 1 to 100, for percent."),
    )
    amount = StringField(
        _l("Amount"),
        [Length(max=20)],
        description=_l("For a fixed amount, such as 50 or 50.00."),
        render_kw={"inputmode": "decimal", "autocomplete": "off"},
    )
    currency = StringField(
        _l("Currency"),
        [Length(max=3)],
        description=_l("A fixed amount lowers prices in this currency only."),
        render_kw={"maxlength": 3},
    )
    starts_at = DateTimeLocalField(
        _l("Holds from"), [Optional()], format=[MOMENT], description=_l("Empty means at once.")
    )
    ends_at = DateTimeLocalField(
        _l("Holds until"), [Optional()], format=[MOMENT], description=_l("Empty means without end.")
    )
    max_uses = IntegerField(
        _l("Uses in all"),
        [Optional(), NumberRange(min=1, max=MOST_USES)],
        description=_l("Orders that wait for payment count; empty means no limit."),
    )
    per_member = IntegerField(
        _l("Uses per member"),
        [Optional(), NumberRange(min=1, max=MOST_USES)],
        description=_l("Empty means no limit."),
    )
    plan_ids = SelectMultipleField(
        _l("Only for these passes"),
        coerce=int,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
        description=_l("None chosen means all."),
    )
    stackable = BooleanField(
        _l("May be combined with others"),
        description=_l("Only with coupons that may be combined too: percentages first, then fixed amounts."),
    )
    active = BooleanField(_l("In use"), default=True)
    version = HiddenField()

    def offer(self, plans: Sequence[tuple[int, str]]) -> None:
        """Fill the list of passes."""
        self.plan_ids.choices = list(plans)

    def show(self, coupon: Coupon, plan_ids: Sequence[int]) -> None:
        """Fill the fields from *coupon*."""
        for name in (
            "code", "title", "kind", "percent", "currency", "max_uses", "per_member", "stackable", "active",
        ):  # fmt: skip
            self[name].data = getattr(coupon, name)
        if coupon.amount is not None:
            self.amount.data = str(to_decimal(coupon.amount, coupon.currency))
        self.starts_at.data, self.ends_at.data = _here(coupon.starts_at), _here(coupon.ends_at)
        self.plan_ids.data = list(plan_ids)
        self.version.data = str(coupon.version)

    def draft(self) -> CouponDraft:
        """What was typed; the amount may be refused."""
        kind, currency = self.kind.data or "", (self.currency.data or "").strip().upper()
        amount = (self.amount.data or "").strip()
        return CouponDraft(
            code=self.code.data or "",
            kind=kind,
            title=self.title.data or "",
            percent=self.percent.data,
            amount=parse_amount(amount, currency, field="amount") if kind == "fixed" and amount else None,
            currency=currency,
            starts_at=_utc(self.starts_at.data),
            ends_at=_utc(self.ends_at.data),
            max_uses=self.max_uses.data,
            per_member=self.per_member.data,
            stackable=bool(self.stackable.data),
            active=bool(self.active.data),
            plan_ids=tuple(self.plan_ids.data or ()),
        )


def _here(stamp: dt.datetime | None) -> dt.datetime | None:
    return None if stamp is None else stamp.astimezone(club().settings.zone).replace(tzinfo=None)


def _utc(typed: dt.datetime | None) -> dt.datetime | None:
    return None if typed is None else typed.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)
