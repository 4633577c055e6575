"""What a line may ask of newcomers, and what they may answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from qunclub.kernel import N_, Invalid

MOST_QUESTIONS = 5
LONGEST_QUESTION = 120
LONGEST_ANSWER = 500
TASK, RENAMED = "task", "renamed"
MARKS = (TASK, RENAMED)


def questions(typed: str) -> list[str]:
    """One question a line, as an admin writes them; empty lines and doubles are dropped.

    >>> questions("Who are you? \\n\\nWhere?\\nWhere?")
    ['Who are you?', 'Where?']

    Raises:
        Invalid: on ``questions``, for too many or one that is too long.
    """
    found = list(dict.fromkeys(line.strip() for line in typed.splitlines() if line.strip()))
    if len(found) > MOST_QUESTIONS:
        raise Invalid(
            N_("Ask %(most)s questions at most: who is asked much says little."),
            field="questions",
            most=MOST_QUESTIONS,
        )
    if any(len(one) > LONGEST_QUESTION for one in found):
        raise Invalid(
            N_("A question has %(most)s characters at most."), field="questions", most=LONGEST_QUESTION
        )
    return found


def answers(asked: Sequence[str], given: Sequence[str]) -> list[dict[str, str]]:
    """Each answer beside its question.

    Raises:
        Invalid: on ``answer_<n>`` (from 0), for one that is missing or too long.
    """
    found = []
    for index, question in enumerate(asked):
        text = given[index].replace("\r\n", "\n").strip() if index < len(given) else ""
        if not text:
            raise Invalid(N_("Write a few words here."), field=f"answer_{index}")
        if len(text) > LONGEST_ANSWER:
            raise Invalid(
                N_("Your answer is longer than %(most)s characters."),
                field=f"answer_{index}",
                most=LONGEST_ANSWER,
            )
        found.append({"ask": question, "text": text})
    return found


def asked(questions: Sequence[str], *, since: dt.datetime, seat_asked_at: dt.datetime) -> bool:
    """Whether a member whose seat was asked for then introduces themselves: nobody is, after the fact."""
    return bool(questions) and seat_asked_at >= since
