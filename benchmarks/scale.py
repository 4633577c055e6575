"""How much is measured: enough to tell two runs apart for ``make bench``, next to nothing for the test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one run.

    Attributes:
        few, many: members of the two clubs whose rankings are compared.
        rounds: how often each page takes its turn; the median counts.
        seconds: how long one turn lasts.
        writers: threads that fulfil orders at once.
        orders: orders each writer fulfils in one round.
        desk_few, desk_many: orders of the two clubs whose desks are compared.
        reviews_few, reviews_many: submissions of the two clubs whose review desks are compared; the many are those
            of the Open University's learning records.
        members_few, members_many: members of the two clubs whose rankings and running seasons are compared.
        closing: members of the clubs in which a season is closed.
        closing_rounds: how often it is.
        appends: lines written to the ledger in one round.
        tickets: in the club at whose door a program checks.
        checks: of tickets, in each of ``check_rounds`` turns.
        posts_few, posts_many: posts on the two boards that are compared.
        desk_rounds: how often each page of a desk takes its turn.
        students: whose generated records are replayed.
        databases: that orders are fulfilled on.
        durable: whether PostgreSQL keeps its own settings, and not those of the tests' server that may forget.
    """

    few: int = 1_000
    many: int = 100_000
    rounds: int = 11
    seconds: float = 0.4
    warm_up: float = 0.5
    writers: int = 8
    orders: int = 40
    write_rounds: int = 3
    desk_few: int = 1_000
    desk_many: int = 1_000_000
    reviews_few: int = 1_000
    reviews_many: int = 82_842
    members_few: int = 1_000
    members_many: int = 1_000_000
    closing: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    closing_rounds: int = 5
    appends: int = 2_000
    tickets: int = 1_000_000
    checks: int = 400
    check_rounds: int = 9
    posts_few: int = 1_000
    posts_many: int = 100_000
    desk_rounds: int = 15
    students: int = 400
    databases: tuple[str, ...] = ("sqlite", "postgres")
    durable: bool = True


FULL = Scale()
TINY = Scale(
    few=80,
    many=160,
    rounds=1,
    seconds=0.05,
    warm_up=0.05,
    writers=2,
    orders=2,
    write_rounds=1,
    desk_few=600,
    desk_many=700,
    reviews_few=600,
    reviews_many=700,
    members_few=200,
    members_many=300,
    closing=(120, 200),
    closing_rounds=1,
    appends=8,
    tickets=600,
    checks=5,
    check_rounds=2,
    posts_few=600,
    posts_many=700,
    desk_rounds=1,
    students=4,
    durable=False,
)
