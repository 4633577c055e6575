"""kill -9 at every step of a payment and of a refund: what goes on afterwards settles it, once.

What is durable changes where a transaction that wrote commits and where the gateway is asked. Between two such places
every step leaves the same behind, so one kill stands for all of them (the last one, with the most work undone); that
it does is shown by killing within the transactions that fulfil and that give back, too.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

WRITES = ("statement INSERT", "statement UPDATE", "statement DELETE")
PRICE = 19_900


def boundaries(steps: list[str]) -> list[int]:
    """The last step before each durable change, and the very last step."""
    last, wrote = [], False
    for number, name in enumerate(steps):
        wrote = wrote or name in WRITES
        if name == "before commit":
            if wrote:
                last.append(number)
            wrote = False
        elif name.startswith("before "):
            last.append(number)
    return [*last, len(steps) - 1]


def longest_transaction(steps: list[str]) -> list[int]:
    """The writing statements of the transaction that writes the most."""
    best: list[int] = []
    now: list[int] = []
    for number, name in enumerate(steps):
        if name in WRITES:
            now.append(number)
        elif name == "after commit":
            best, now = max(best, now, key=len), []
    return best


def chosen(kind: str, steps: list[str]) -> list[int]:
    """Where to kill: on SQLite at all boundaries and within the greatest transaction; on PostgreSQL about the gateway
    and about the greatest transaction's commit."""
    greatest, all_of_them = longest_transaction(steps), boundaries(steps)
    if kind == "sqlite":
        return sorted({*all_of_them, *greatest[::6]})
    commit = steps.index("before commit", greatest[-1])
    asked = [number for number in all_of_them if steps[number] != "before commit"]
    return sorted({*asked, *(number + 1 for number in asked[:-1]), commit, commit + 1})


def after_buying(books: dict[str, Any], *, paid: bool) -> None:
    """One order was fulfilled once, or nothing happened and nobody was charged."""
    assert books["doctor"] == []
    assert books["held"] == 0
    assert (books["moved"], books["payments"]) == (([PRICE], 1) if paid else ([], 0))
    assert (books["passes"], books["sold"]) == ((["active"], 1) if paid else ([], 0))
    assert books["orders"].count("paid") == int(paid)
    assert set(books["orders"]) <= {"paid", "expired"}


def after_refund(books: dict[str, Any], *, given: bool) -> None:
    """All of it went back once and took the pass with it, or nothing did."""
    assert books["doctor"] == []
    assert books["moved"] == ([-PRICE, PRICE] if given else [PRICE])
    assert books["refunds"] == (["settled"] if given else [])
    assert books["refunded"] == (PRICE if given else 0)
    assert books["orders"] == (["refunded"] if given else ["paid"])
    assert (books["passes"], books["sold"]) == ((["revoked"], 0) if given else (["active"], 1))


def test_a_purchase(victim):
    steps = victim.ask(do="buy", here=True)["steps"]
    assert {"before create_checkout", "after create_checkout", "before retrieve_checkout"} <= set(steps)
    after_buying(victim.ask(do="sweep", here=True), paid=True)
    for number in chosen(victim.stage.db.kind, steps):
        victim.stage.put_back("start")
        victim.new_browser()
        assert victim.ask(do="buy", at=number)["killed"], (number, steps[number])
        if victim.stage.db.kind == "sqlite":
            victim.stage.keep("killed")
            alone = victim.ask(do="sweep")
            after_buying(alone, paid=bool(alone["moved"]))
            victim.stage.put_back("killed")
        after_buying(victim.ask(do="go_on", story="buy"), paid=True)


def after_joining(books: dict[str, Any], *, months: int) -> None:
    """Each charge paid for one month of the one pass, or there is neither."""
    assert books["doctor"] == []
    assert books["moved"] == [PRICE] * months
    assert (books["payments"], books["terms"]) == (months, months)
    assert (books["passes"], books["sold"]) == ((["active"], 1) if months else ([], 0))
    assert books["orders"].count("paid") == months
    assert (books["held"], set(books["orders"]) <= {"paid", "expired"}) == (0, True)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_membership_and_its_renewal(victim):
    for story, base, months in (("join", "start", 1), ("renew", "bought", 2)):
        victim.new_browser()
        steps = victim.ask(do=story, here=True)["steps"]
        after_joining(victim.ask(do="sweep", here=True), months=months)
        if story == "join":
            victim.stage.keep("bought")
        for number in boundaries(steps):
            victim.stage.put_back(base)
            victim.new_browser()
            assert victim.ask(do=story, at=number)["killed"], (number, steps[number])
            after_joining(victim.ask(do="go_on", story=story), months=months)
        victim.stage.put_back("bought")


def test_a_refund(victim):
    victim.ask(do="buy", here=True)
    victim.stage.keep("bought")
    victim.new_browser()
    steps = victim.ask(do="give_back", here=True)["steps"]
    assert {"before refund", "after refund"} <= set(steps)
    after_refund(victim.ask(do="sweep", here=True), given=True)
    for number in chosen(victim.stage.db.kind, steps):
        victim.stage.put_back("bought")
        victim.new_browser()
        assert victim.ask(do="give_back", at=number)["killed"], (number, steps[number])
        if victim.stage.db.kind == "sqlite":
            victim.stage.keep("killed")
            alone = victim.ask(do="sweep")
            after_refund(alone, given=len(alone["moved"]) == 2)
            victim.stage.put_back("killed")
        after_refund(victim.ask(do="go_on", story="give_back"), given=True)


def test_where_a_kill_is_one_of_a_kind():
    steps = ["statement SELECT", "before commit", "after commit", "statement INSERT", "statement UPDATE"]
    steps += ["before commit", "after commit", "before refund", "after refund", "statement SELECT"]
    assert boundaries(steps) == [5, 7, 9]
    assert longest_transaction(steps) == [3, 4]
