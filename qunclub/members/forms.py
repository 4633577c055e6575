"""Forms about members."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wtforms import BooleanField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from qunclub.kernel import N_, Invalid
from qunclub.web import Form, SelectField, SelectMultipleField, _l


class ProfileForm(Form):
    """What a member says of themselves."""

    nickname = StringField(
        _l("Nickname"),
        [InputRequired()],
        description=_l("What others call you, here and in the groups; up to 24 characters."),
        render_kw={"maxlength": 24, "autocomplete": "nickname"},
    )
    city = StringField(
        _l("City"),
        description=_l("So that members near you can find you."),
        render_kw={"maxlength": 30, "autocomplete": "address-level2"},
    )
    bio = TextAreaField(
        _l("About you"),
        description=_l("What you do, what you are good at, what you look for."),
        render_kw={"rows": 4, "maxlength": 1000},
    )
    hidden_on_boards = BooleanField(
        _l("Do not show me on rankings"),
        description=_l(
            "Your points and your place count as before; others do not see your row, and not your name on the season's "
            "board. Who rises into the core group is public all the same."
        ),
    )
    locale = SelectField(_l("Language"), choices=[("zh", "简体中文"), ("en", "English")])


class RolesForm(Form):
    """The club roles of a person."""

    roles = SelectMultipleField(
        _l("Roles"),
        choices=[
            ("instructor", _l("Instructor")),
            ("host", _l("Host")),
            ("admin", _l("Admin")),
        ],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


class SuspendForm(Form):
    """Why somebody is kept out for now."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=1000)],
        description=_l("The member reads this sentence on their own page."),
        render_kw={"rows": 3},
    )


class GiveNumberForm(Form):
    """Which of the kept numbers a person gets."""

    number = SelectField(_l("Number"), coerce=int, validate_choice=False)


class ReserveForm(Form):
    """Numbers to keep back."""

    numbers = StringField(
        _l("Numbers"),
        [InputRequired()],
        description=_l("Single numbers and ranges, such as 88, 100-110, 520."),
        render_kw={"inputmode": "text", "autocomplete": "off"},
    )
    reason = StringField(_l("What for"), [InputRequired(), Length(max=200)])


def parse_numbers(text: str) -> list[int]:
    """Numbers and ranges that somebody typed.

    Raises:
        Invalid: on field ``numbers``.
    """
    found: set[int] = set()
    for part in _parts(text):
        low, dash, high = part.partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()) or len(low) > 9 or len(high) > 9:
            raise Invalid(
                N_("Write numbers and ranges, such as 88, 100-110; not %(part)s."), field="numbers", part=part
            )
        first, last = int(low), int(high or low)
        if last < first or last - first > 1000:
            raise Invalid(N_("Name between 1 and 1000 positive numbers."), field="numbers")
        found.update(range(first, last + 1))
    return sorted(found)


def _parts(text: str) -> Iterable[str]:
    # People paste from Chinese keyboards, where commas and dashes are other characters.
    plain = re.sub(r"[–—～~]", "-", re.sub(r"[，、；;]", ",", text))
    return (part for chunk in plain.split(",") for part in [chunk.replace(" ", "")] if part)
