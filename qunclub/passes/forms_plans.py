"""The form of a plan: amounts are typed in major units, times are the club's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wtforms import (
    BooleanField,
    DateTimeLocalField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    StringField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.kernel import Invalid, parse_amount, to_decimal
from qunclub.web import (
    N_,
    Form,
    RadioField,
    SelectField,
    SelectMultipleField,
    _,
    _l,
    club,
    explain,
    form_errors,
)

from .forms import STATE_LABELS
from .rules_plans import PlanDraft, StepDraft

MOMENT = "%Y-%m-%dT%H:%M"
VALIDITIES = {
    "life": _l("For life"),
    "days": _l("For so many days"),
    "until": _l("Until a date"),
    "month": _l("A membership that renews each month"),
    "year": _l("A membership that renews each year"),
}
ASK_LABELS = {"name": _l("Full name"), "phone": _l("Phone"), "address": _l("Postal address")}


def _number_or_none(value: Any) -> int | None:
    return int(value) if value not in (None, "", "None", 0, "0") else None


def _checkboxes(label: Any, coerce: Any, description: Any = "", **options: Any) -> Any:
    return SelectMultipleField(
        label,
        coerce=coerce,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
        description=description,
        **options,
    )


def _figures(least: int, most: int) -> list[Any]:
    return [Optional(), NumberRange(min=least, max=most)]


class StepForm(PlainForm):
    """An early price; an empty row is left out."""

    price = StringField(_l("Early price"), [Length(max=20)], render_kw={"inputmode": "decimal"})
    until_at = DateTimeLocalField(_l("until"), [Optional()], format=[MOMENT])
    until_sold = IntegerField(
        _l("or until so many are sold"),
        _figures(1, 10_000_000),
        render_kw={"inputmode": "numeric"},
    )

    @property
    def empty(self) -> bool:
        """Whether nothing is typed in it."""
        return not any((field.raw_data or [""])[0] or field.data for field in self)


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
        description=_l("Markdown: what is inside, what is not."),
        render_kw={"rows": 14},
    )
    tier_id = SelectField(_l("Tier it gives"), coerce=_number_or_none, validate_choice=False)
    course_ids = _checkboxes(_l("Courses it opens"), int)
    group_line_id = SelectField(
        _l("Group line it leads into"),
        coerce=_number_or_none,
        validate_choice=False,
        description=_l("Fixed once somebody holds the pass."),
    )
    price = StringField(
        _l("Price"),
        [InputRequired(), Length(max=20)],
        description=_l("In whole units of the currency, such as 199 or 199.00; 0 is free."),
        render_kw={"inputmode": "decimal"},
    )
    currency = StringField(
        _l("Currency"),
        [InputRequired(), Length(min=3, max=3)],
        description=_l("Three letters, such as CNY, USD or JPY."),
        render_kw={"maxlength": 3, "autocapitalize": "characters"},
    )
    steps = FieldList(FormField(StepForm), label=_l("Early prices"))
    validity = RadioField(
        _l("How long it is valid"),
        choices=list(VALIDITIES.items()),
        default="life",
        description=_l("Whether and how it renews is fixed once somebody holds the pass."),
    )
    validity_days = IntegerField(
        _l("Days"), _figures(1, 36_500), description=_l("Bought again, it goes on from its end.")
    )
    valid_until = DateTimeLocalField(_l("Valid until"), [Optional()], format=[MOMENT])
    grace_days = IntegerField(
        _l("Days of grace"),
        _figures(0, 90),
        default=7,
        description=_l("How long a membership stays open when a renewal cannot be charged."),
    )
    sale_starts_at = DateTimeLocalField(_l("Sale begins"), [Optional()], format=[MOMENT])
    sale_ends_at = DateTimeLocalField(_l("Sale ends"), [Optional()], format=[MOMENT])
    stock = IntegerField(
        _l("Stock"),
        [Optional(), NumberRange(min=0)],
        description=_l("How many in all; empty means no limit. What is left is shown as it is."),
    )
    per_member = IntegerField(
        _l("Per member"),
        _figures(1, 10_000),
        description=_l("How many one member may buy for themselves; empty means no limit."),
    )
    seat_priority = IntegerField(
        _l("Priority on the waiting list"),
        [Optional(), NumberRange(min=0, max=9)],
        description=_l(
            "0: in turn. Who has more comes sooner when a seat of the group is free; among equals, who asked first."
        ),
    )
    gift_max = IntegerField(
        _l("To give away"),
        _figures(0, 1000),
        default=0,
        description=_l("The most codes that one order may buy for others; 0 when it is not sold so."),
    )
    upgrades_from = _checkboxes(
        _l("An upgrade from"), int, _l("Who holds one of these pays only the difference.")
    )
    refund_days = IntegerField(
        _l("Days to give it back"),
        _figures(1, 3650),
        description=_l("Buyers get their money back by themselves so long; empty: they write to you."),
    )
    refund_progress = IntegerField(
        _l("Up to so much of the lessons done (percent)"),
        _figures(0, 100),
        default=100,
        description=_l("Who has done more cannot give it back by themselves."),
    )
    asks = _checkboxes(
        _l("What the buyer is asked for"),
        str,
        _l("Beside the e-mail address. Ask only for what you need."),
        choices=list(ASK_LABELS.items()),
    )
    hidden = BooleanField(
        _l("Hidden: only who has the link sees it"),
        description=_l("It is in no list and its page shows itself only with the key in its link."),
    )
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
        self.upgrades_from.choices = choices["plans"]

    def show(self, draft: PlanDraft, version: int) -> None:
        """Fill the fields from *draft*."""
        for name in (
            "title", "slug", "summary", "description_md", "currency", "tier_id", "group_line_id", "stock",
            "validity_days", "grace_days", "per_member", "gift_max", "seat_priority", "refund_days", "refund_progress",
            "hidden",
            "position", "state",
        ):  # fmt: skip
            self[name].data = getattr(draft, name)
        for name in ("sale_starts_at", "sale_ends_at", "valid_until"):
            self[name].data = _here(getattr(draft, name))
        for name in ("course_ids", "upgrades_from", "asks"):
            self[name].data = list(getattr(draft, name))
        days, until = draft.validity_days is not None, draft.valid_until is not None
        self.validity.data = draft.interval or ("days" if days else "until" if until else "life")
        self.price.data = str(to_decimal(draft.price, draft.currency))
        self.version.data = str(version)
        for step in draft.steps:
            self.steps.append_entry(
                {
                    "price": str(to_decimal(step.price, draft.currency)),
                    "until_at": _here(step.until_at),
                    "until_sold": step.until_sold,
                }
            )

    def change_rows(self, asked: Any) -> None:
        """Do what the buttons beside the early prices say: one more row, or one row less."""
        names = [entry.name for entry in self.steps.entries]
        if asked.get("remove_step") in names:
            self.steps.pop_entry(names.index(asked["remove_step"]))  # type: ignore[call-arg]  # older stubs
        if "add_step" in asked:
            self.steps.append_entry()

    def draft(self) -> PlanDraft:
        """What was typed.

        Raises:
            Invalid: when an amount is no amount, or the chosen validity lacks its days or date.
        """
        currency = (self.currency.data or "").strip().upper()
        validity = self.validity.data
        days = self.validity_days.data if validity == "days" else None
        until = _utc(self.valid_until.data) if validity == "until" else None
        if validity == "days" and days is None:
            raise Invalid(N_("Say for how many days."), field="validity_days")
        if validity == "until" and until is None:
            raise Invalid(N_("Say until which date."), field="valid_until")
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
            validity_days=days,
            valid_until=until,
            interval=validity if validity in ("month", "year") else "",
            grace_days=_or(self.grace_days.data, 7),
            per_member=self.per_member.data,
            hidden=bool(self.hidden.data),
            gift_max=_or(self.gift_max.data, 0),
            seat_priority=_or(self.seat_priority.data, 0),
            refund_days=self.refund_days.data,
            refund_progress=_or(self.refund_progress.data, 100),
            asks=tuple(self.asks.data or ()),
            steps=tuple(self._steps(currency)),
            upgrades_from=tuple(self.upgrades_from.data or ()),
            position=self.position.data or 0,
        )

    def _rows(self) -> list[StepForm]:
        return [entry.form for entry in self.steps.entries if not entry.form.empty]

    def _steps(self, currency: str) -> Iterator[StepDraft]:
        for at, row in enumerate(self._rows()):
            price = parse_amount(row.price.data or "", currency, field=f"steps-{at}-price")
            yield StepDraft(price, _utc(row.until_at.data), row.until_sold.data)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Put what is refused on the field it names, those of the early prices included."""
        with form_errors(self):
            try:
                yield
            except Invalid as error:
                name, _dash, rest = error.field.partition("-")
                at, _dash, inner = rest.partition("-")
                if name != "steps" or not at:
                    raise
                row = self._rows()[int(at)]
                row[inner].errors = [*row[inner].errors, explain(error)]
                said = _("%(field)s: %(error)s", field=row[inner].label.text, error=explain(error))
                self.steps.errors = [*self.steps.errors, said]


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _here(stamp: dt.datetime | None) -> dt.datetime | None:
    return None if stamp is None else stamp.astimezone(club().settings.zone).replace(tzinfo=None)


def _utc(typed: dt.datetime | None) -> dt.datetime | None:
    return None if typed is None else typed.replace(tzinfo=club().settings.zone).astimezone(dt.UTC)
