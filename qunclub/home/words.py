"""The next step in words: what it is, why, what it earns, and where it is done."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from qunclub.web import _, _n, now
from qunclub.web.render import format_date, format_datetime

from .queries import Home
from .steps import NextLesson, Step, Work


@dataclass(frozen=True, slots=True)
class Told:
    """A step as the page shows it."""

    title: str
    text: str
    href: str
    label: str
    earns: str = ""


def told(step: Step, home: Home) -> Told | None:
    """The step in the visitor's language; None when there is nothing to do but to look around."""
    what = step.what
    if isinstance(what, Work):
        return _work(step.kind, what, home)
    if isinstance(what, NextLesson):
        return Told(
            _("Read on: %(lesson)s", lesson=what.title),
            _n(
                "%(course)s · %(num)s minute",
                "%(course)s · %(num)s minutes",
                what.minutes,
                course=what.course,
            )
            if what.minutes
            else what.course,
            url_for("qunclub.courses.lesson", slug=what.course_slug, lesson_slug=what.slug),
            _("Open the lesson"),
            _n("earns %(num)s point", "earns %(num)s points", home.lesson_worth) if home.lesson_worth else "",
        )
    if step.kind == "pay" and home.unpaid is not None:
        return Told(
            _("Finish your order: %(title)s", title=home.unpaid.title),
            _("It is kept for you until %(time)s.", time=format_datetime(home.unpaid.expires_at)),
            url_for("qunclub.orders.checkout", code=home.unpaid.code),
            _("Go on to pay"),
        )
    return _plain(step, home)


def _plain(step: Step, home: Home) -> Told | None:
    if step.kind == "choose_pass":
        return Told(
            _("Choose your pass"),
            _("It opens the courses, gives you your number for life, and is your ticket into the group."),
            url_for("qunclub.passes.index"),
            _("See the passes"),
        )
    if step.kind == "covenant":
        return Told(
            _("Accept the covenant of your group"),
            _("A seat is yours. Read the few rules of the group; the way in opens with them."),
            url_for("qunclub.groups.show", slug=step.what),
            _("Read and accept"),
        )
    if step.kind == "name":
        return Told(
            _("Take your name for the group"),
            _("So that the others know whom they talk to."),
            url_for("qunclub.welcome.index", pass_id=step.what),
            _("Choose a name"),
        )
    if step.kind == "consent":
        return Told(
            _("Your work was featured"),
            _("May others see it in the showcase? You decide, and you can take it back at any time."),
            url_for("qunclub.homework.show", assignment_id=step.what),
            _("Decide"),
        )
    if step.kind == "renew":
        return Told(
            _("Your pass has ended"),
            _("Your number, points and work stay yours. A new pass opens the courses again."),
            url_for("qunclub.passes.index"),
            _("See the passes"),
        )
    return None


def _work(kind: str, work: Work, home: Home) -> Told:
    href = url_for("qunclub.homework.show", assignment_id=work.id)
    if kind == "revise":
        return Told(
            _("Improve and hand in again: %(title)s", title=work.title),
            _("Your instructor has written what would make it good."),
            href,
            _("Read the review"),
            _earns(home, work, on_time=False),
        )
    if kind == "late":
        return Told(
            _("Still open: %(title)s", title=work.title),
            _("The due date has passed; it is reviewed all the same."),
            href,
            _("Begin"),
            _earns(home, work, on_time=False),
        )
    text = work.course
    if work.due_at is not None:
        days = (work.due_at - now()).days
        due = format_date(work.due_at)
        text = (
            _n(
                "%(course)s · due %(date)s, in %(num)s day",
                "%(course)s · due %(date)s, in %(num)s days",
                days,
                course=work.course,
                date=due,
            )
            if days >= 1
            else _("%(course)s · due %(time)s", course=work.course, time=format_datetime(work.due_at))
        )
    return Told(
        _("Homework: %(title)s", title=work.title), text, href, _("Begin"), _earns(home, work, on_time=True)
    )


def _earns(home: Home, work: Work, *, on_time: bool) -> str:
    if not home.worth.accepted or not work.most or home.member.number is None:
        return ""
    # Being featured comes on top; the homework's own page names it apart, as nobody can aim at it.
    most = work.most + (home.worth.on_time if on_time else 0)
    return _("earns up to %(points)s points", points=most)
