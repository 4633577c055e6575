"""Money, ids, errors, pages: the small values everything is made of."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from qunclub.kernel import (
    ClubError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Stale,
    ids,
    paginate,
    parse_amount,
    store,
    to_decimal,
)
from qunclub.kernel.money import exponent
from qunclub.kernel.pages import mark, moment_of, read_mark
from qunclub.kernel.unindexed import unindexed
from qunclub.members.models import Member
from tests.factories import Make
from tests.support.databases import Db


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("199", "CNY", 19900),
        ("199.00", "cny", 19900),
        (" 1,299.5 ", "USD", 129950),
        ("0", "CNY", 0),
        ("0.01", "EUR", 1),
        ("500", "JPY", 500),
        ("1e2", "CNY", 10000),
    ],
)
def test_amounts_are_read(typed: str, currency: str, minor: int) -> None:
    assert parse_amount(typed, currency) == minor


@pytest.mark.parametrize("typed", ["", "abc", "-1", "1.005", "NaN", "Infinity", "1e99", "１９９元", "1 2"])
def test_amounts_that_cannot_be_read_name_their_field(typed: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_amount(typed, "CNY", field="price")
    assert caught.value.field == "price"


def test_yen_have_no_cents() -> None:
    assert (exponent("JPY"), exponent("cny")) == (0, 2)
    with pytest.raises(Invalid):
        parse_amount("1.5", "JPY")


@given(st.integers(0, 10**13), st.sampled_from(["CNY", "USD", "JPY", "KRW"]))
def test_money_survives_the_way_there_and_back(minor: int, currency: str) -> None:
    assert parse_amount(str(to_decimal(minor, currency)), currency) == minor


def test_money_is_exact() -> None:
    assert to_decimal(10, "CNY") + to_decimal(20, "CNY") == Decimal("0.30")


def test_codes_are_readable_and_all_different() -> None:
    codes = {ids.code(10) for _ in range(2000)}
    assert len(codes) == 2000
    assert not set("".join(codes)) & set("ILOU")
    assert all(len(code) == 10 for code in codes)


@pytest.mark.parametrize(
    ("typed", "code"),
    [("abcd-ef12", "ABCDEF12"), (" o0iIl1 ", "001111"), ("群Ab!", "AB"), ("", "")],
)
def test_codes_as_people_type_them(typed: str, code: str) -> None:
    assert ids.normalise_code(typed) == code


@given(st.integers(1, 40))
def test_a_code_is_its_own_normal_form(length: int) -> None:
    code = ids.code(length)
    assert ids.normalise_code(code.lower()) == code


def test_tokens_are_long_and_fit_an_address() -> None:
    token = ids.token()
    assert len(token) >= 32
    assert token.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("title", "slug"), [("Hello, World!", "hello-world"), ("Café  2.0", "cafe-2-0"), ("a" * 99, "a" * 60)]
)
def test_slugs(title: str, slug: str) -> None:
    assert ids.slugify(title) == slug


def test_a_chinese_title_gets_some_slug() -> None:
    assert len(ids.slugify("通行证")) == 8
    assert ids.slugify("通行证") != ids.slugify("通行证")


def test_jitter_is_a_fraction() -> None:
    assert all(0 <= ids.jitter() < 1 for _ in range(100))


@pytest.mark.parametrize(
    ("kind", "status"), [(NotFound, 404), (Forbidden, 403), (Conflict, 409), (Stale, 409), (Invalid, 422)]
)
def test_refusals_have_their_status(kind: type[ClubError], status: int) -> None:
    assert kind("No %(what)s.", what="way").status == status


def test_a_refusal_keeps_msgid_and_params_apart() -> None:
    error = Invalid("At most %(most)s.", field="bio", most=3)
    assert (error.message, error.params, str(error)) == ("At most %(most)s.", {"most": 3}, "At most 3.")
    assert Stale("100% lost").message == "100% lost"


# ---- columns ----


def test_datetimes_come_back_aware_and_in_utc(db: Db, make: Make) -> None:
    east = dt.timezone(dt.timedelta(hours=8))
    stamp = dt.datetime(2026, 1, 1, 0, 30, 15, 123456, tzinfo=east)
    ident = make.member(suspended_at=stamp).id
    with db.session() as session:
        read = session.scalars(select(Member.suspended_at).where(Member.id == ident)).one()
        assert read == stamp and read.tzinfo is dt.UTC
        assert read.hour == 16
        # Compared in SQL as moments, whatever zone the other side is in.
        assert session.scalars(select(Member.id).where(Member.suspended_at <= stamp)).all() == [ident]
        earlier = stamp - dt.timedelta(microseconds=1)
        assert session.scalars(select(Member.id).where(Member.suspended_at <= earlier)).all() == []


def test_a_naive_datetime_is_refused(db: Db, make: Make) -> None:
    with pytest.raises(StatementError, match="naive"):
        make.member(suspended_at=make.now.replace(tzinfo=None))


def test_no_datetime_is_none(session: Session, make: Make) -> None:
    row = make.member()
    session.refresh(row)
    assert row.suspended_at is None


def test_sqlite_holds_foreign_keys(session: Session) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        session.execute(
            text(
                "INSERT INTO qunclub_progress (member_id, course_id, lesson_id, opened_at) VALUES (9, 9, 9, :t)"
            ),
            {"t": dt.datetime(2026, 1, 1, tzinfo=dt.UTC).isoformat(sep=" ")},
        )


# ---- pages of a list ----


def test_pages(session: Session, make: Make) -> None:
    for _ in range(5):
        make.member()
    query = select(Member.id).order_by(Member.id)
    first = paginate(session, query, page=1, per_page=2)
    last = paginate(session, query, page=3, per_page=2)
    assert (len(first.items), first.has_next, first.has_prev) == (2, True, False)
    assert (len(last.items), last.has_next, last.has_prev) == (1, False, True)
    assert paginate(session, query, page=9, per_page=2).items == []
    assert paginate(session, query, page=-4, per_page=2).page == 1
    exact = paginate(session, query, page=1, per_page=5)
    assert (len(exact.items), exact.has_next) == (5, False)


def test_a_page_of_rows_keeps_rows(session: Session, make: Make) -> None:
    row = make.member(name="Lin")
    found = paginate(session, select(Member.id, Member.name), page=1)
    assert [tuple(each) for each in found.items] == [(row.id, "Lin")]


def test_a_column_hidden_from_its_index_keeps_its_value(session: Session, make: Make) -> None:
    row = make.member(name="Lin")
    query = select(unindexed(Member.name), unindexed(Member.joined_at)).where(
        unindexed(Member.name) == "Lin", unindexed(Member.joined_at) <= make.now
    )
    assert [tuple(each) for each in session.execute(query)] == [("Lin", row.joined_at)]
    sent = str(query.compile(session.get_bind()))
    assert ("+qunclub_member.name" in sent) == (session.get_bind().dialect.name == "sqlite")


@given(st.timedeltas(dt.timedelta(0), dt.timedelta(days=40_000)), st.integers(0, 2**52))
def test_a_mark_is_read_as_it_was_written(since: dt.timedelta, ident: int) -> None:
    at = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + since
    found = read_mark(mark(at, ident))
    assert found is not None and (moment_of(found[0]), found[1]) == (at, ident)


# ---- small tables ----


def test_values_are_kept_as_json(session: Session) -> None:
    assert store.get_value(session, "x", 3) == 3
    store.set_value(session, "x", {"a": [1, "二"]})
    store.set_value(session, "x", {"a": [2, "三"]})
    assert store.get_value(session, "x") == {"a": [2, "三"]}
    store.set_value(session, "x", None)
    assert store.get_value(session, "x", 3) is None


def test_counters_do_not_meet(session: Session) -> None:
    assert [store.next_value(session, name) for name in ("a", "b", "a", "a")] == [1, 1, 2, 3]
