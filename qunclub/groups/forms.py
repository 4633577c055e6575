"""Forms about group lines, groups and their members."""

from __future__ import annotations

from wtforms import BooleanField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.web import Form, SelectField, _l

from . import rules
from .rules import LineDraft

KIND_LABELS = {
    "learner": _l("Learners"),
    "core": _l("Core group"),
    "spin_off": _l("Spin-off"),
    "city": _l("City"),
}
POSTING_LABELS = {
    "staff": _l("Pyramid: staff post, members answer where it is opened"),
    "all": _l("Ring: everybody posts"),
}

ALLOCATION_LABELS = {
    "first": _l("Fill the first group, then the next"),
    "even": _l("Evenly over the groups that are open"),
    "city": _l("By city"),
    "course": _l("By course"),
}

MOVING_LABELS = {
    "no": _l("Only a host or an admin moves them"),
    "ask": _l("They ask, a host or an admin answers"),
    "free": _l("Whenever another group has room"),
}


class LineForm(Form):
    """A group line."""

    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    slug = StringField(
        _l("Address"),
        [InputRequired(), Length(max=80)],
        description=_l("Small letters, digits and dashes; it stays for good."),
    )
    kind = SelectField(_l("Kind"), choices=list(KIND_LABELS.items()))
    capacities = StringField(
        _l("Seats of each group"),
        [InputRequired()],
        description=_l(
            "For example 2000x6, 1500, 1000: six groups of 2000, then one of 1500, then one of 1000. "
            "The next opens when one is full."
        ),
    )
    repeat_last = BooleanField(
        _l("Go on with groups of the last size"),
        description=_l("The line never ends; nobody has to wait."),
    )
    name_pattern = StringField(
        _l("Names of the groups"),
        [Length(max=120)],
        description=_l("{index} becomes 1, 2, 3 …; empty: the line's name with a number."),
    )
    posting = SelectField(_l("Who may post"), choices=list(POSTING_LABELS.items()))
    posting_note = TextAreaField(
        _l("The policy in your words"),
        [Length(max=4000)],
        description=_l(
            "When the group is open for questions, when it is quiet, and why. Everybody reads it before buying."
        ),
        render_kw={"rows": 5},
    )
    nickname_rule = StringField(
        _l("Rule for nicknames"),
        [Length(max=120)],
        description=_l("{number}, {nickname} and {city} are filled in for each member."),
    )
    allocation = SelectField(
        _l("How members come into the groups"),
        choices=list(ALLOCATION_LABELS.items()),
        description=_l("Whoever has a seat stays where they are; it holds for those who come."),
    )
    open_at_once = IntegerField(
        _l("How many groups open together"),
        [InputRequired(), NumberRange(min=1, max=rules.MOST_AT_ONCE)],
        default=1,
        description=_l("More than one is for filling evenly: when these are full, as many more open."),
    )
    labels = TextAreaField(
        _l("What each group is for"),
        [Length(max=8000)],
        description=_l(
            "For by city and by course: one a line, in the order of the groups; the city, or the address of the "
            "first course of the pass. An empty line, and every group beyond the list: for everybody."
        ),
        render_kw={"rows": 4},
    )
    offer_hours = IntegerField(
        _l("Hours to answer an offer"),
        [InputRequired(), NumberRange(min=0, max=rules.MOST_OFFER_HOURS)],
        default=0,
        description=_l(
            "A freed seat is kept so long for whoever waits; unanswered it goes to the next. "
            "0: they are seated at once."
        ),
    )
    moving = SelectField(
        _l("Members going to another group of the line"),
        choices=list(MOVING_LABELS.items()),
        default="no",
    )
    version = HiddenField()

    def draft(self) -> LineDraft:
        """What was typed, as a draft; capacities may be refused."""
        return LineDraft(
            slug=(self.slug.data or "").strip(),
            name=self.name.data or "",
            capacities=rules.parse_capacities(self.capacities.data or ""),
            kind=self.kind.data,
            repeat_last=bool(self.repeat_last.data),
            name_pattern=self.name_pattern.data or "",
            posting=self.posting.data,
            posting_note=self.posting_note.data or "",
            nickname_rule=self.nickname_rule.data or "",
            allocation=self.allocation.data,
            open_at_once=self.open_at_once.data or 1,
            labels=rules.parse_labels(self.labels.data or ""),
            offer_hours=self.offer_hours.data or 0,
            moving=self.moving.data,
        )


class NewLineForm(LineForm):
    """A new line, with its first covenant."""

    covenant_md = TextAreaField(
        _l("Covenant"),
        [Length(max=20_000)],
        description=_l("The rules of the house in Markdown; members accept them before the way in is shown."),
        render_kw={"rows": 12},
    )


class CovenantForm(Form):
    """The next version of a line's rules."""

    body_md = TextAreaField(
        _l("Covenant"),
        [InputRequired(), Length(max=20_000)],
        description=_l("Markdown. Every member of the line is asked to accept the new version."),
        render_kw={"rows": 18},
    )


SCOPES = {
    "line": _l("No new seat in this line"),
    "club": _l("No new seat in the whole club; seats in other groups end too"),
    "none": _l("They may take a seat again at once"),
}


class RemoveForm(Form):
    """Why somebody is taken out of a group, and what they may do afterwards."""

    scope = SelectField(_l("Afterwards"), choices=list(SCOPES.items()), default="line")
    days = IntegerField(
        _l("For how many days"),
        [Optional(), NumberRange(min=1, max=3650)],
        description=_l("Empty: until an admin lifts it."),
    )

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=1000)],
        description=_l("The member gets it by mail, with what remains theirs."),
        render_kw={"rows": 3},
    )


class LiftForm(Form):
    """Why somebody may take seats again."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=1000)],
        description=_l("The member gets it by mail."),
        render_kw={"rows": 3},
    )


class PriorityForm(Form):
    """How soon somebody comes off the waiting list."""

    priority = IntegerField(
        _l("Priority"),
        [InputRequired(), NumberRange(min=0, max=9)],
        description=_l("0: in turn; up to 9: before everybody with less."),
    )
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=1000)],
        description=_l("For the log of the admins."),
        render_kw={"rows": 3},
    )
