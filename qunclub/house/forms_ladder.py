"""The form of the ladder: a row a step, one more or one less without JavaScript too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms import FieldList, FormField, HiddenField, IntegerField
from wtforms import Form as PlainForm
from wtforms.validators import InputRequired, Optional

from qunclub.web import Form, SelectField, _, _l

from . import rules_ladder
from .forms import NUMBER
from .rules_ladder import Ladder, Step
from .views_words import ACTS_OF


class RungForm(PlainForm):
    """One step; the days are of a mute."""

    # What WTForms itself says is said in the visitor's language here too.
    Meta = Form.Meta

    act = SelectField(
        _l("What follows"), choices=[(act, ACTS_OF[act]) for act in rules_ladder.ACTS], default="warning"
    )
    days = IntegerField(
        _l("Days of a mute"),
        [Optional()],
        description=_l("0 or empty: until a host lifts it."),
        render_kw=NUMBER,
    )


class LadderForm(Form):
    """What the first, the second and each further violation leads to."""

    steps = FieldList(FormField(RungForm), label=_l("Steps"), max_entries=rules_ladder.MOST_STEPS)
    forget_days = IntegerField(
        _l("A violation counts for how many days"),
        [InputRequired()],
        description=_l("0: for ever."),
        render_kw=NUMBER,
    )
    appeal_days = IntegerField(
        _l("Days to appeal"),
        [InputRequired()],
        render_kw={**NUMBER, "min": 1},
    )
    version = HiddenField()

    def show(self, kept: Ladder) -> None:
        """Fill it with the ladder that is kept."""
        for step in kept.steps:
            self.steps.append_entry({"act": step.act, "days": step.days if step.act == "mute" else None})
        self.forget_days.data, self.appeal_days.data = kept.forget_days, kept.appeal_days
        self.version.data = str(kept.version)

    def change_rows(self, asked: Mapping[str, Any]) -> bool:
        """Do what the buttons beside the steps say: one more, or one less. Whether it was one of them."""
        names = [entry.name for entry in self.steps.entries]
        if asked.get("remove_step") in names:
            self.steps.pop_entry(names.index(asked["remove_step"]))  # type: ignore[call-arg]  # older stubs
        elif "add_step" in asked and len(names) < rules_ladder.MOST_STEPS:
            self.steps.append_entry()
        return "remove_step" in asked or "add_step" in asked

    def validate(self, extra_validators: Any = None) -> bool:
        """Name the row of what is wrong in one; days that nobody sees are not looked at."""
        fine: bool = super().validate(extra_validators)
        said = []
        for number, entry in enumerate(self.steps.entries, 1):
            if entry.form.act.data != "mute":
                entry.form.days.errors = []
            for field in (entry.form.act, entry.form.days):
                said += [
                    _(
                        "Step %(number)s, %(field)s: %(error)s",
                        number=number,
                        field=field.label.text,
                        error=error,
                    )
                    for error in field.errors
                ]
        if not self.steps.errors or not all(isinstance(one, str) for one in self.steps.errors):
            self.steps.errors = said
        return fine or not self.errors

    def ladder(self) -> Ladder:
        """What was typed."""
        steps = tuple(Step(row.act.data, self._days(row)) for row in (one.form for one in self.steps.entries))
        return Ladder(steps, self.forget_days.data or 0, self.appeal_days.data or 0)

    @staticmethod
    def _days(row: Any) -> int:
        return (row.days.data or 0) if row.act.data == "mute" else 0
