"""What each mail of the club says at the bell: one line, a kind to choose by, and the page it speaks of.

Every template under ``templates/qunclub/mail/`` stands in one of the two tables here, so that none is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qunclub.kernel import N_

MAIL_ONLY: dict[str, str] = {
    "verify": "it proves that the address is read by whom it says; a notice in the club would prove nothing",
    "reset": "whoever needs it cannot sign in to read a notice",
    "password_changed": "a warning to the owner of the address; whoever broke in would read and clear the notice",
    "gift": "it goes to an address somebody typed, whose reader need not be a member",
    "notice": "the mail of a notice that stands at the bell already",
}
"""Mails that make no notice, and why."""


@dataclass(frozen=True, slots=True)
class Bell:
    """The notice beside one mail.

    Attributes:
        kind: one of ``notices.rules.KINDS``.
        text: a msgid; its gaps are filled from the mail's context, ``%(name)s`` is who caused it.
        endpoint: the page it speaks of.
        args: the address's arguments, each with its name in the mail's context.
        by: what of the context chooses between *texts*; *text* is for all other values.
        texts: other msgids by that value, ``""`` for none, zero and False.
    """

    kind: str
    text: str
    endpoint: str
    args: Mapping[str, str] = field(default_factory=dict)
    by: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


_HOMEWORK = {"assignment_id": "assignment_id"}
_CODE = {"code": "code"}
_SLUG = {"slug": "slug"}
_QUESTION = {"question_id": "question_id"}

LETTERS: dict[str, Bell] = {
    # Groups and the house.
    "seat_admitted": Bell("seat", N_("You have a seat in %(group)s."), "qunclub.groups.show", _SLUG),
    "seat_offered": Bell(
        "seat",
        N_("A seat in %(group)s is kept for you. Take it or decline."),
        "qunclub.group_seats.offer",
        {"seat_id": "seat"},
    ),
    "seat_offer_over": Bell("seat", N_("The seat in %(line)s went to the next"), "qunclub.entry.line", _SLUG),
    "seat_removed": Bell(
        "removal",
        N_("You were removed from %(group)s. The reason: %(reason)s"),
        "qunclub.groups.show",
        _SLUG,
    ),
    "seat_moved": Bell(
        "seat",
        N_("You were moved from %(old)s to %(group)s. The reason: %(reason)s"),
        "qunclub.groups.show",
        _SLUG,
        by="wished",
        texts={"True": N_("You were moved from %(old)s to %(group)s, as you wished.")},
    ),
    "move_declined": Bell(
        "seat",
        N_("Your wish to move to %(group)s was declined: %(answer)s"),
        "qunclub.groups.show",
        _SLUG,
    ),
    "bar_lifted": Bell("seat", N_("You may take a seat again"), "qunclub.groups.index"),
    "covenant_new": Bell(
        "covenant",
        N_("The covenant of %(group)s has a new version. Read it and accept it to go on."),
        "qunclub.groups.show",
        _SLUG,
    ),
    "house_sanction": Bell(
        "house",
        N_("You are no longer in %(group)s"),
        "qunclub.house.standing",
        by="act",
        texts={"warning": N_("A warning in %(group)s"), "mute": N_("You are muted in %(group)s")},
    ),
    "house_overturned": Bell(
        "house", N_("A decision about you in %(group)s was taken back"), "qunclub.house.standing"
    ),
    "house_appeal_declined": Bell(
        "house", N_("Your appeal about %(group)s was answered"), "qunclub.house.standing"
    ),
    "house_exception": Bell(
        "house",
        N_("Your wish to write in %(group)s was answered"),
        "qunclub.house.standing",
        by="outcome",
        texts={"granted": N_("You may write in %(group)s although it is muted")},
    ),
    "house_report_answered": Bell(
        "house", N_("Your report about %(group)s was looked at"), "qunclub.groups.show", _SLUG
    ),
    "chat_expiring": Bell(
        "duty",
        N_("The way into %(group)s is out of date"),
        "qunclub.chats_desk.way_in",
        {"group_id": "group_id"},
        by="over",
        texts={"": N_("The way into %(group)s is out of date soon")},
    ),
    # Homework, the showcase, questions in courses.
    "review_done": Bell(
        "work", N_("Your homework %(title)s was reviewed"), "qunclub.homework.show", _HOMEWORK
    ),
    "team_invited": Bell(
        "work",
        N_("%(by)s asks you into a team: %(title)s"),
        "qunclub.homework.show",
        _HOMEWORK,
        by="by",
        texts={"": N_("You are asked into a team: %(title)s")},
    ),
    "appeal_opened": Bell(
        "verdict", N_("Your appeal about %(title)s was received"), "qunclub.homework.show", _HOMEWORK
    ),
    "appeal_answered": Bell(
        "verdict",
        N_("The appeal about %(title)s was answered"),
        "qunclub.homework.show",
        _HOMEWORK,
        by="by",
        texts={"": N_("Your appeal about %(title)s was answered")},
    ),
    "appeal_ended": Bell(
        "verdict", N_("Your appeal about %(title)s has ended"), "qunclub.homework.show", _HOMEWORK
    ),
    "verdict_corrected": Bell(
        "verdict", N_("The verdict on your homework %(title)s was corrected"), "qunclub.homework.show", _HOMEWORK
    ),
    "work_reopened": Bell(
        "verdict", N_("Your homework %(title)s is open again"), "qunclub.homework.show", _HOMEWORK
    ),
    "showcase_hidden": Bell(
        "verdict", N_("Your work %(title)s was taken out of the showcase"), "qunclub.homework.show", _HOMEWORK
    ),
    "showcase_unhidden": Bell(
        "verdict", N_("Your work %(title)s may be shown again"), "qunclub.homework.show", _HOMEWORK
    ),
    "question_answered": Bell(
        "question", N_("Your question has an answer: %(ask)s"), "qunclub.questions.show", _QUESTION
    ),
    "question_hidden": Bell(
        "verdict",
        N_("Your question was hidden"),
        "qunclub.questions.show",
        _QUESTION,
        by="own_question",
        texts={"": N_("Your answer was hidden")},
    ),
    # Contests, levels, projects.
    "contest_prize": Bell(
        "contest", N_("You have won a prize in %(contest)s"), "qunclub.contests.results", _SLUG
    ),
    "contest_disqualified": Bell(
        "verdict",
        N_("Your entry to %(contest)s was disqualified"),
        "qunclub.contests.entry",
        {"slug": "slug", "entry_id": "entry_id"},
    ),
    "level_news": Bell(
        "level",
        N_("Your level is a lower one now; the way up is open."),
        "qunclub.levels.path",
        by="what",
        texts={
            "losing": N_("Something that your level asks for is missing. See what, and until when."),
            "reached": N_("You reached a new level."),
        },
    ),
    "piece_news": Bell(
        "piece",
        N_("%(piece)s is no longer asked for"),
        "qunclub.projects.piece",
        {"slug": "slug", "piece_id": "piece_id"},
        by="what",
        texts={
            "overdue": N_("%(piece)s is back in the pool"),
            "assigned": N_("A piece for you: %(piece)s"),
            "taken": N_("%(piece)s is in other hands now"),
            "delivered": N_("Delivered: %(piece)s"),
            "accepted": N_("Accepted: %(piece)s"),
            "returned": N_("%(piece)s came back with words"),
            "reversed": N_("The acceptance of %(piece)s was taken back"),
        },
    ),
    # Seasons and the core group.
    "season_near": Bell("outlook", N_("You are close to the core group: %(season)s"), "qunclub.seasons.index"),
    "season_risk": Bell("outlook", N_("Where you stand in %(season)s"), "qunclub.seasons.index"),
    "season_decision": Bell(
        "core",
        N_("The result of %(season)s and you"),
        "qunclub.seasons.show",
        _SLUG,
        by="outcome",
        texts={"promoted": N_("You rose into the core group: %(season)s")},
    ),
    "season_undone": Bell("core", N_("The result of %(season)s is taken back"), "qunclub.seasons.show", _SLUG),
    "season_withdrawn": Bell("core", N_("%(season)s is planned anew"), "qunclub.season_calendar.index"),
    "season_appeal": Bell("core", N_("Your appeal: %(season)s"), "qunclub.seasons.show", _SLUG),
    "core_offer": Bell(
        "core", N_("A seat in the core group is free, and you are next"), "qunclub.core_offers.show"
    ),
    "core_offer_ended": Bell(
        "core", N_("The seat you were offered in the core group"), "qunclub.seasons.index"
    ),
    "core_welcome": Bell("core", N_("Welcome to the core group"), "qunclub.seasons.core"),
    "core_resigned": Bell(
        "core", N_("Thank you for your time in the core group"), "qunclub.core_profile.alumni"
    ),
    "core_dismissed": Bell(
        "core",
        N_("Your seat in the core group has ended. The reason: %(reason)s"),
        "qunclub.seasons.core",
    ),
    "season_ended": Bell(
        "duty",
        N_("%(season)s has ended: please freeze the standings"),
        "qunclub.seasons_admin.show",
        {"season_id": "season_id"},
    ),
    "season_appealed": Bell(
        "duty",
        N_("An appeal waits: %(season)s"),
        "qunclub.season_appeals_admin.index",
        {"season_id": "season_id"},
    ),
    # Passes and money.
    "receipt": Bell(
        "money", N_("Your order %(code)s is paid; what you bought is ready."), "qunclub.orders.show", _CODE
    ),
    "refund": Bell("money", N_("Money of your order %(code)s was given back."), "qunclub.orders.show", _CODE),
    "order_attention": Bell(
        "money",
        N_("Your payment for order %(code)s is here; a person is looking at it"),
        "qunclub.orders.show",
        _CODE,
    ),
    "pass_ended": Bell("money", N_("Your pass %(title)s has ended."), "qunclub.passes.show", _SLUG),
    "dispute_opened": Bell(
        "money", N_("The payment for order %(code)s is disputed"), "qunclub.orders.show", _CODE
    ),
    "dispute_over": Bell(
        "money", N_("The dispute about order %(code)s is settled"), "qunclub.orders.show", _CODE
    ),
    "fapiao_issued": Bell(
        "money", N_("Your fapiao for order %(code)s is issued"), "qunclub.fapiao.show", _CODE
    ),
    "fapiao_rejected": Bell(
        "money", N_("Your fapiao for order %(code)s could not be issued"), "qunclub.fapiao.show", _CODE
    ),
    "renewal_failed": Bell(
        "money",
        N_("Your membership “%(title)s” could not be renewed"),
        "qunclub.memberships.show",
        {"ident": "membership"},
    ),
    "renewal_reminder": Bell(
        "money",
        N_("Last day: your membership “%(title)s” is not paid"),
        "qunclub.memberships.show",
        {"ident": "membership"},
        by="last",
        texts={"": N_("Reminder: your membership “%(title)s” is not paid")},
    ),
    "transfer_how": Bell(
        "money", N_("How to pay your order %(code)s by transfer"), "qunclub.transfers.show", _CODE
    ),
    "transfer_reminder": Bell(
        "money", N_("Your order %(code)s ends soon"), "qunclub.transfers.show", _CODE
    ),
    "transfer_expired": Bell("money", N_("Your order %(code)s has ended"), "qunclub.transfers.show", _CODE),
    "transfer_rejected": Bell(
        "money",
        N_("Your transfer for order %(code)s could not be confirmed"),
        "qunclub.transfers.show",
        _CODE,
    ),
    "tuition_granted": Bell(
        "money", N_("You have earned tuition of order %(order)s back"), "qunclub.orders.show", {"code": "order"}
    ),
    "tuition_missed": Bell(
        "money", N_("The time to earn your tuition back is over"), "qunclub.homework.index"
    ),
    "tuition_withheld": Bell(
        "money",
        N_("Your tuition back is withheld. The reason: %(reason)s"),
        "qunclub.orders.show",
        {"code": "order"},
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A notice as a mail's context fills it."""

    kind: str
    text: str
    facts: dict[str, Any]
    endpoint: str
    values: dict[str, Any]


def gaps(text: str) -> set[str]:
    """The names that *text* wants filled.

    >>> sorted(gaps("%(by)s asks you: %(title)s"))
    ['by', 'title']
    """
    return set(re.findall(r"%\((\w+)\)s", text))


def said(template: str, context: Mapping[str, Any]) -> Said:
    """What the mail *template* with this *context* says at the bell.

    Raises:
        ValueError: for a template that makes no notice, or a context that leaves a gap.

    >>> said("transfer_reminder", {"code": "A1"}).values
    {'code': 'A1'}
    """
    bell = LETTERS.get(template)
    if bell is None:
        raise ValueError(f"the mail {template} has no notice: add it to notices.rules_letters")
    chosen = context.get(bell.by) if bell.by else None
    text = bell.texts.get(str(chosen) if chosen else "", bell.text) if bell.by else bell.text
    wanted = gaps(text) - {"name"}
    missing = (wanted | set(bell.args.values())) - set(context)
    if missing:
        raise ValueError(f"the mail {template} lacks {', '.join(sorted(missing))} for its notice")
    return Said(
        kind=bell.kind,
        text=text,
        facts={name: context[name] for name in sorted(wanted)},
        endpoint=bell.endpoint,
        values={name: context[key] for name, key in bell.args.items()},
    )
