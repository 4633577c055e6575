"""A club with many tickets, written by the database itself: groups of 2,000, each seat with its ticket and pass."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import text

from benchmarks import bulk
from qunclub import groups, passes
from qunclub.kernel import Actor
from tests.support.databases import Db

ACTOR = Actor.system("measuring")
SEATS = 2_000
FIRST = 1_000_000
"""Ids of what is written here begin behind those that were there."""


def fill(database: Db, *, tickets: int, now: dt.datetime) -> None:
    """Write *tickets* valid tickets, one a member, into an empty club; a third of them used, with the log of it."""
    with database.uow() as session:
        line = groups.create_line(
            session,
            slug="learners",
            name="Learners",
            capacities=(SEATS,),
            repeat_last=True,
            actor=ACTOR,
            now=now,
        ).id
        plan = passes.create_plan(
            session,
            slug="plan",
            title="Plan",
            price=100,
            currency="CNY",
            group_line_id=line,
            actor=ACTOR,
            now=now,
        ).id
    with bulk.writing(database, STATEMENTS) as (connection, say):
        words = {
            "numbers": say.numbers(tickets),
            "groups": say.numbers(-(-tickets // SEATS)),
            "moment": say.moment(str(int(now.timestamp()) - 60)),
            "pad": say.padded("n"),
            "line": line,
            "plan": plan,
            "seats": SEATS,
            "first": FIRST,
            "false": "0" if database.kind == "sqlite" else "false",
        }
        for statement in STATEMENTS:
            connection.execute(text(statement.format_map(words).replace(":", r"\:")))
        bulk.count_on(
            connection, say, [statement.split()[2].removeprefix("qunclub_") for statement in STATEMENTS]
        )


def code_of(n: int) -> str:
    """The code of the n-th ticket."""
    return f"TKT{n:09d}"


STATEMENTS = (
    "INSERT INTO qunclub_member (id, user_key, email, name, nickname, city, bio, roles, number, numbered_at, "
    "joined_at, locale, suspend_reason, hidden_on_boards) "
    "SELECT {first} + n, 'u' || n, 'm' || n || '@example.com', 'Member ' || n, '', '', '', '[]', {first} + n, "
    "{moment}, {moment}, '', '', {false} FROM {numbers}",
    "INSERT INTO qunclub_group (id, line_id, idx, slug, name, capacity, seated, entry_url, entry_note, opened_at) "
    "SELECT {first} + n, {line}, n + 1, 'line-x' || n, 'Group ' || n, {seats}, {seats}, '', '', {moment} "
    "FROM {groups}",
    "INSERT INTO qunclub_seat (id, line_id, group_id, member_id, state, asked_at, admitted_at, end_reason) "
    "SELECT {first} + n, {line}, {first} + 1 + (n - 1) / {seats}, {first} + n, 'admitted', {moment}, {moment}, '' "
    "FROM {numbers}",
    "INSERT INTO qunclub_pass (id, member_id, plan_id, seat_id, source, state, starts_at, renews, end_reason) "
    "SELECT {first} + n, {first} + n, {plan}, {first} + n, 'bench:' || n, 'active', {moment}, {false}, '' "
    "FROM {numbers}",
    "INSERT INTO qunclub_entry_ticket (id, code, member_id, seat_id, state, issued_at, used_at, used_by, "
    "void_reason) "
    "SELECT {first} + n, 'TKT' || {pad}, {first} + n, {first} + n, CASE WHEN n % 3 = 0 THEN 'used' ELSE 'valid' END, "
    "{moment}, CASE WHEN n % 3 = 0 THEN {moment} END, '', '' FROM {numbers}",
    "INSERT INTO qunclub_ticket_check (id, ticket_id, member_id, group_id, at, bot, way, device, outcome, reason) "
    "SELECT {first} + n, {first} + n, {first} + n, {first} + 1 + (n - 1) / {seats}, {moment}, '', 'scan', '', "
    "'admitted', '' FROM {numbers} WHERE n % 3 = 0",
)
