"""Forms about plans, passes and tickets."""

from __future__ import annotations

import datetime as dt
from typing import Any

from wtforms import (
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.kernel import ClubError, parse_amount, to_decimal
from qunclub.web import Form, _l, club, explain

from .models import Plan
from .rules import PlanDraft

STATE_LABELS = {"draft": _l("Draft"), "on_sale": _l("On sale"), "closed": _l("Off sale")}
PASS_LABELS = {"active": _l("Active"), "expired": _l("Expired"), "revoked": _l("Revoked")}
MOMENT = "%Y-%m-%dT%H:%M"


def _number_or_none(value: Any) -> int | None:
    return int(value) if value not in (None, "", "None", 0, "0") else None


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


class PlanForm(Form):
    """A plan; the price is typed in major units, times are the club's."""

    title = StringField(_l("Title"), [InputRequired(), Length(max=160)])
    slug = StringField(
        _l("Address"), [InputRequired(), Length(max=80)], description=_l("Small letters, digits and dashes.")
    )
    summary = TextAreaField(
        _l("In one sentence"), [Length(max=400)], description=_l("Shown in the catalogue and when the page is shared."),
        render_kw={"rows": 2},
    )  # fmt: skip
    description_md = TextAreaField(
        _l("Description"),
        [Length(max=40_000)],
        description=_l("Markdown: what is inside, what is not, how refunds work."),
        render_kw={"rows": 14},
    )
    price = StringField(
        _l("Price"),
        [InputRequired(), Length(max=20)],
        description=_l("In whole units of the currency, such as 199 or 199.00; 0 is free."),
        render_kw={"inputmode": "decimal"},
    )
    currency = StringField(
        _l("Currency"), [InputRequired(), Length(min=3, max=3)], render_kw={"maxlength": 3}
    )
    tier_id = SelectField(_l("Tier it gives"), coerce=_number_or_none, validate_choice=False)
    course_ids = SelectMultipleField(
        _l("Courses it opens"),
        coerce=int,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )
    group_line_id = SelectField(
        _l("Group line it leads into"),
        coerce=_number_or_none,
        validate_choice=False,
        description=_l("Fixed once somebody holds the pass."),
    )
    stock = IntegerField(
        _l("Stock"),
        [Optional(), NumberRange(min=0)],
        description=_l("How many in all; empty means no limit. What is left is shown as it is."),
    )
    validity_days = IntegerField(
        _l("Valid for days"),
        [Optional(), NumberRange(min=1, max=36_500)],
        description=_l("Empty means for life."),
    )
    sale_starts_at = DateTimeLocalField(_l("Sale begins"), [Optional()], format=[MOMENT])
    sale_ends_at = DateTimeLocalField(_l("Sale ends"), [Optional()], format=[MOMENT])
    position = IntegerField(
        _l("Order in the catalogue"), [Optional(), NumberRange(min=-9999, max=9999)], default=0
    )
    state = SelectField(_l("State"), choices=list(STATE_LABELS.items()))
    version = HiddenField()

    def offer(self, choices: dict[str, list[tuple[int, str]]], none: str) -> None:
        """Fill the lists; *none* is how "nothing" is called."""
        self.tier_id.choices = [("", none), *choices["tiers"]]
        self.group_line_id.choices = [("", none), *choices["lines"]]
        self.course_ids.choices = choices["courses"]

    def show(self, plan: Plan) -> None:
        """Fill the fields from *plan*."""
        for name in (
            "title",
            "slug",
            "summary",
            "description_md",
            "currency",
            "tier_id",
            "group_line_id",
            "stock",
        ):
            self[name].data = getattr(plan, name)
        self.validity_days.data, self.position.data = plan.validity_days, plan.position
        self.state.data, self.version.data = plan.state, str(plan.version)
        self.price.data = str(to_decimal(plan.price, plan.currency))
        self.course_ids.data = [course.id for course in plan.courses]
        self.sale_starts_at.data = _here(plan.sale_starts_at)
        self.sale_ends_at.data = _here(plan.sale_ends_at)

    def draft(self) -> PlanDraft:
        """What was typed; the price may be refused."""
        currency = (self.currency.data or "").strip().upper()
        return PlanDraft(
            slug=(self.slug.data or "").strip(),
            title=(self.title.data or "").strip(),
            price=parse_amount(self.price.data or "", currency),
            currency=currency,
            summary=(self.summary.data or "").strip(),
            description_md=self.description_md.data or "",
            tier_id=self.tier_id.data,
            group_line_id=self.group_line_id.data,
            course_ids=tuple(self.course_ids.data or ()),
            state=self.state.data,
            stock=self.stock.data,
            sale_starts_at=_utc(self.sale_starts_at.data),
            sale_ends_at=_utc(self.sale_ends_at.data),
            validity_days=self.validity_days.data,
            position=self.position.data or 0,
        )


def _here(stamp: dt.datetime | None) -> dt.datetime | None:
    return None if stamp is None else stamp.astimezone(club().settings.zone).replace(tzinfo=None)


def _utc(typed: dt.datetime | None) -> dt.datetime | None:
    return None if typed is None else typed.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)


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
