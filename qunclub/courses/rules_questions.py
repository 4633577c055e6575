"""What makes a question one that can be answered, and until when words may be changed."""

from __future__ import annotations

import datetime as dt

from qunclub.kernel import N_, Invalid

MOST_SCENE = 2_000
MOST_DETAIL = 20_000
MOST_ASK = 300
MOST_ANSWER = 20_000
MOST_REASON = 1_000
ANSWER_OPEN = dt.timedelta(hours=24)
"""How long an answer may still be changed by who wrote it."""


def check_question(scene: str, detail_md: str, ask: str) -> tuple[str, str, str]:
    """The three parts (场景, 细节, 诉求) as they are kept.

    Raises:
        Invalid: naming the part that is missing or too long.

    >>> check_question(" On my phone ", "", "Why\\ndoes it stop?")
    ('On my phone', '', 'Why does it stop?')
    """
    scene, detail_md = scene.strip(), _lines(detail_md).strip("\n")
    ask = " ".join(ask.split())
    if not scene:
        raise Invalid(N_("Say where you are: what were you doing when the question came up?"), field="scene")
    if not ask:
        raise Invalid(N_("Say in one sentence what you want to know."), field="ask")
    for value, most, field in (
        (scene, MOST_SCENE, "scene"),
        (detail_md, MOST_DETAIL, "detail_md"),
        (ask, MOST_ASK, "ask"),
    ):
        _check_length(value, most, field)
    return scene, detail_md, ask


def check_answer(body_md: str) -> str:
    """An answer as it is kept.

    Raises:
        Invalid: when it is empty or too long.
    """
    body_md = _lines(body_md).strip("\n")
    if not body_md.strip():
        raise Invalid(N_("Write an answer."), field="body_md")
    _check_length(body_md, MOST_ANSWER, "body_md")
    return body_md


def check_reason(reason: str) -> str:
    """Why something is hidden or revoked, as its author will read it.

    Raises:
        Invalid: without one.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid(N_("Write the reason; it is told to whom it concerns."), field="reason")
    _check_length(reason, MOST_REASON, "reason")
    return reason


def question_open(*, answers: int, hidden: bool) -> bool:
    """Whether who asked may still change the words: not once somebody has answered them."""
    return not answers and not hidden


def answer_open(*, created_at: dt.datetime, best: bool, hidden: bool, now: dt.datetime) -> bool:
    """Whether who answered may still change the words: for a day, and not while it stands as the best."""
    return not best and not hidden and now < created_at + ANSWER_OPEN


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_length(value: str, most: int, field: str) -> None:
    if len(value) > most:
        raise Invalid(N_("This text is longer than %(limit)s characters."), field=field, limit=most)
