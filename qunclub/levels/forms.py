"""The forms of the path: its rules, putting them in force, a level by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

from wtforms import BooleanField, DateField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from qunclub.kernel import Invalid
from qunclub.points import KINDS
from qunclub.web import Form, SelectField, _, _l, club

from . import rules, rules_typed, services
from .rules import Conditions, Ladder, Rung

COUNT = {"inputmode": "numeric", "min": 0}
KINDS_HELP = _l(
    "Kinds with their points, such as: Best answer to a question 20, Lesson completed 40. Empty asks nothing."
)
NUMBER_LABELS = {
    "points": _l("Points of all time"),
    "recent_points": _l("Points in the last days"),
    "works": _l("Homework accepted"),
    "featured": _l("Homework in the showcase"),
    "answers": _l("Best answers"),
    "days": _l("Days since the number was given"),
}


def _labels() -> dict[str, str]:
    """What the kinds of points are called in the visitor's language, by code, where that can be typed."""
    return rules_typed.typeable({kind: _(known.label) for kind, known in KINDS.items()})


class LadderForm(Form):
    """Every level of the path; fields are named ``<level>_<condition>``, 0 asks nothing."""

    version = HiddenField()
    recent_days = IntegerField(
        _l("How many days “the last days” are"), [NumberRange(1, rules_typed.MOST_DAYS)], render_kw=COUNT
    )
    grace_days = IntegerField(
        _l("Days of grace"),
        [NumberRange(1, rules_typed.MOST_DAYS)],
        description=_l("Between the letter that a level will be lost and its loss."),
        render_kw=COUNT,
    )
    stay_days = IntegerField(
        _l("Days a level is kept at least"),
        [NumberRange(0, rules_typed.MOST_DAYS)],
        description=_l("So that nobody goes up and down with every week."),
        render_kw=COUNT,
    )

    clean_days = IntegerField(
        _l("Days without a violation"),
        [NumberRange(0, rules_typed.MOST_DAYS)],
        description=_l(
            "What “no open violation” below means: no sanction of the house of so many days that stands, no mute for "
            "one and no exclusion from all groups that still runs. 0: only that one is not suspended."
        ),
        render_kw=COUNT,
    )

    def fields_of(self, level: str) -> list[Any]:
        """The fields of one level, in order."""
        return [field for field in self if field.name.startswith(level + "_")]

    def ladder(self) -> Ladder:
        """What the services take.

        Raises:
            Invalid: on a field of kinds.
        """
        rungs = {}
        plain = rules_typed.typeable({kind: known.label for kind, known in KINDS.items()})
        called = {label.casefold(): kind for labels in (plain, _labels()) for kind, label in labels.items()}
        example = rules_typed.written_kinds({"answer_best": 20}, _labels())
        for level in rules.LEVELS:
            asked: dict[str, Any] = {}
            if level in rules.EDITABLE:
                asked = {name: self[f"{level}_{name}"].data or 0 for name in rules.NUMBERS}
                asked |= {name: bool(self[f"{level}_{name}"].data) for name in rules.FLAGS}
                for name in ("kinds", "recent_kinds"):
                    field = f"{level}_{name}"
                    asked[name] = rules_typed.parse_kinds(
                        self[field].data or "", field, called, example=example
                    )
            rights = frozenset(right for right in rules.RIGHTS if self[f"{level}_{right}"].data)
            duties = (self[f"{level}_duties"].data or "").replace("\r\n", "\n").strip()
            rungs[level] = Rung(Conditions(**asked), rights, duties)
        days = (self.recent_days, self.grace_days, self.stay_days, self.clean_days)
        return Ladder(rungs, *(field.data or 0 for field in days))


def _add_fields() -> None:
    for level in rules.LEVELS:
        if level in rules.EDITABLE:
            for name in rules.NUMBERS:
                most = [NumberRange(0, rules_typed.MOST)]
                setattr(
                    LadderForm, f"{level}_{name}", IntegerField(NUMBER_LABELS[name], most, render_kw=COUNT)
                )
            setattr(
                LadderForm,
                f"{level}_kinds",
                StringField(_l("Points of all time of a kind"), [Length(max=1000)], description=KINDS_HELP),
            )
            setattr(
                LadderForm,
                f"{level}_recent_kinds",
                StringField(
                    _l("Points of a kind in the last days"), [Length(max=1000)], description=KINDS_HELP
                ),
            )
            setattr(LadderForm, f"{level}_has_pass", BooleanField(_l("Holds a pass that is open")))
            setattr(
                LadderForm, f"{level}_clean", BooleanField(_l("Has no open violation, and is not suspended"))
            )
        for right, label in rules.RIGHTS.items():
            setattr(LadderForm, f"{level}_{right}", BooleanField(_l(label)))
        setattr(
            LadderForm,
            f"{level}_duties",
            TextAreaField(
                _l("What the level asks of its members"),
                [Length(max=rules_typed.MOST_WORDS)],
                description=_l("Plain text; members read it on their path."),
                render_kw={"rows": 3, "maxlength": rules_typed.MOST_WORDS},
            ),
        )


_add_fields()


def data_of(ladder: Ladder, version: int) -> dict[str, Any]:
    """What the form shows of a ladder."""
    found: dict[str, Any] = {
        "version": version,
        "recent_days": ladder.recent_days,
        "grace_days": ladder.grace_days,
        "stay_days": ladder.stay_days,
        "clean_days": ladder.clean_days,
    }
    for level, rung in ladder.rungs.items():
        for name in (*rules.NUMBERS, *rules.FLAGS):
            found[f"{level}_{name}"] = getattr(rung.conditions, name)
        for name in ("kinds", "recent_kinds"):
            found[f"{level}_{name}"] = rules_typed.written_kinds(getattr(rung.conditions, name), _labels())
        for right in rules.RIGHTS:
            found[f"{level}_{right}"] = right in rung.rights
        found[f"{level}_duties"] = rung.duties
    return found


class ReasonForm(Form):
    """Why the rules change, or a hand is taken off."""

    version = HiddenField()
    reason = TextAreaField(
        _l("Reason"), [InputRequired(), Length(max=rules_typed.MOST_REASON)], render_kw={"rows": 2}
    )


class HandForm(ReasonForm):
    """A level by hand."""

    level = SelectField(_l("Level"))
    until = DateField(
        _l("Until"), [InputRequired()], description=_l("The end of this day; then the rules decide again.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.level.choices = [(level, _(rules.LABELS[level])) for level in rules.LEVELS[:-1]]

    def end(self) -> dt.datetime:
        """The end of the chosen day in the club's time zone, as UTC.

        Raises:
            Invalid: on ``until``, for a day at the edge of the calendar.
        """
        try:
            day = (self.until.data or dt.date.min) + dt.timedelta(days=1)
            return dt.datetime.combine(day, dt.time(0), club().settings.zone).astimezone(dt.UTC)
        except OverflowError:
            raise Invalid(services.WITHIN, field="until") from None
