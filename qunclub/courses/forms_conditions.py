"""The part of the course's form that says who may enter beside whoever holds its pass, and when."""

from __future__ import annotations

from typing import Any

from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.web import Form, RadioField, SelectField, SelectMultipleField, _l


def _checkboxes(label: Any, description: Any = "", **options: Any) -> Any:
    return SelectMultipleField(
        label,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
        description=description,
        **options,
    )


class ConditionsForm(Form):
    """Tiers, groups and seasons are named by code and address, as in a course's folder."""

    tier = SelectField(_l("A tier, and every higher one"), choices=[], validate_choice=False)
    groups = _checkboxes(_l("Members seated in these groups"), choices=[])
    roles = _checkboxes(
        _l("Roles"),
        _l("Instructors and admins read every course anyway."),
        choices=[("host", _l("Hosts")), ("core", _l("Core members"))],
    )
    season = SelectField(
        _l("Opens with a season"),
        choices=[],
        validate_choice=False,
        description=_l("Holds for everybody but instructors and admins, for members with a pass too."),
    )
    season_window = RadioField(
        _l("For how long"),
        choices=[
            ("from", _l("From the season's start, and then for good")),
            ("during", _l("Only while the season runs")),
        ],
        default="from",
        validate_choice=False,
    )
