"""Forms about spin-offs."""

from __future__ import annotations

from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from qunclub.web import Form, RadioField, _l

from . import rules_moving, rules_spin_off
from .rules_spin_off import Proposal


class ProposeForm(Form):
    """A group of one's own."""

    name = StringField(_l("Name of the group"), [InputRequired(), Length(max=120)])
    purpose = TextAreaField(
        _l("What the group is for"),
        [InputRequired(), Length(max=rules_spin_off.LONGEST_PURPOSE)],
        description=_l("Everybody in the parent group reads it before they come in."),
        render_kw={"rows": 5},
    )
    capacity = IntegerField(
        _l("How many seats"), [InputRequired(), NumberRange(min=2, max=rules_spin_off.MOST_SEATS)], default=30
    )
    open_to = RadioField(
        _l("Who may come in"),
        [InputRequired()],
        choices=[("group", _l("Members of this group")), ("line", _l("Members of every group of the line"))],
        default="group",
    )

    def said(self) -> Proposal:
        """What was typed."""
        return Proposal(
            self.name.data or "", self.purpose.data or "", self.capacity.data or 0, self.open_to.data or ""
        )


class DecideForm(Form):
    """Yes or no."""

    slug = StringField(
        _l("Address"),
        [Length(max=80)],
        description=_l("Small letters, digits and dashes; it stays for good."),
    )
    answer = TextAreaField(
        _l("Your words to them"),
        [Length(max=rules_moving.LONGEST)],
        description=_l("Needed when you decline."),
        render_kw={"rows": 3},
    )


class LeadForm(Form):
    """What the leader says of the group."""

    purpose = TextAreaField(
        _l("What the group is for"),
        [InputRequired(), Length(max=rules_spin_off.LONGEST_PURPOSE)],
        render_kw={"rows": 5},
    )
    entry_url = StringField(
        _l("Link into the group's chat"),
        [Length(max=500)],
        render_kw={"inputmode": "url", "placeholder": "https://"},
    )
    entry_note = TextAreaField(_l("How to get in"), [Length(max=2000)], render_kw={"rows": 2})
    version = HiddenField()


class HandOverForm(Form):
    """Who leads it next."""

    number = StringField(
        _l("Number of the new leader"),
        [InputRequired(), Length(max=15)],
        description=_l("Somebody in the group."),
        render_kw={"inputmode": "numeric"},
    )


class EndForm(Form):
    """Why the group ends."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules_moving.LONGEST)],
        description=_l("Everybody in the group gets it by mail and at the bell."),
        render_kw={"rows": 3},
    )


class PutOutForm(Form):
    """Why somebody has to go."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules_moving.LONGEST)],
        description=_l("The member gets it by mail and at the bell."),
        render_kw={"rows": 3},
    )
