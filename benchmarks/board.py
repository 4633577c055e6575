"""The board of a large group and the unread numbers, with few and with many posts."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update

from benchmarks import bulk
from benchmarks.growth import GrowthPage, Subject
from qunclub.members.models import Member
from tests.support.databases import Db

SEATS = 2_000
MINE = 5
ANSWERS = 200
"""Answers to the first post: as many in both clubs."""
BOARD = "/groups/line-1/board"
PAGES = (
    GrowthPage("my boards, with what is unread", "/board"),
    GrowthPage("board", BOARD),
    GrowthPage("board, a page in the middle", f"{BOARD}?after={{middle}}"),
    GrowthPage("board, the last page", f"{BOARD}?after=15"),
    GrowthPage("announcements", f"{BOARD}?show=announcements"),
    GrowthPage("announcements, a page in the middle", f"{BOARD}?show=announcements&after={{middle}}"),
    GrowthPage("what is new, for an open page", f"{BOARD}/news"),
    GrowthPage("a post", f"{BOARD}/{{single}}"),
    GrowthPage("a post with 200 answers", f"{BOARD}/1"),
    GrowthPage("a post with 200 answers, a page in the middle", f"{BOARD}/1?after={{answer}}"),
    GrowthPage("members to mention", f"{BOARD}/people?q=Member"),
    GrowthPage("notices", "/notices"),
)


def words(posts: int, now: dt.datetime) -> dict[str, object]:
    """What fills the paths in a club of so many posts."""
    return {"middle": posts * 3 // 4, "single": posts - 3, "answer": ANSWERS // 2}


def fill(database: Db, posts: int, reader: int, now: dt.datetime) -> None:
    """Write a group of :data:`SEATS` with *posts* on its board into an empty database.

    Every tenth is an announcement with receipts, the numbers from 2 on are answers to the first; the reader has a seat
    here and in other groups, has read half of what is written, and was told of every twentieth.
    """
    with database.uow() as session:
        session.execute(update(Member).where(Member.id == reader).values(number=1))
    with bulk.writing(database, STATEMENTS) as (connection, say):
        last = int(now.timestamp()) - 60
        here: dict[str, object] = {
            "at": say.moment(f"({last} - ({posts} - n))"),
            "pad": say.padded("n"),
            "series": say.numbers(posts),
            "people": say.numbers(SEATS - 1),
            "lines": say.numbers(MINE),
            "now": say.moment(str(last)),
            "posts": posts,
            "seats": SEATS,
            "reader": reader,
            "half": posts // 2,
            "answers": ANSWERS,
        }
        bulk.fill(connection, STATEMENTS, lambda statement: statement.format_map(here))
        bulk.count_on(connection, say, ("member", "group", "group_line", "board_post", "notice"))


STATEMENTS = (
    "INSERT INTO qunclub_member (id, user_key, name, email, number, nickname, city, bio, locale, roles, joined_at, "
    "numbered_at, suspend_reason) SELECT 999 + n, 'measured-' || n, 'Member ' || {pad}, "
    "'member' || {pad} || '@example.com', 1000 + n, '', '', '', 'zh', '[]', {now}, {now}, '' FROM {people}",
    "INSERT INTO qunclub_group_line (id, slug, name, kind, capacities, repeat_last, name_pattern, posting, "
    "posting_note, nickname_rule, waiting_count, next_position, version, created_at) "
    "SELECT n, 'line-of-' || n, 'Line ' || n, 'learner', '[2000]', false, '', 'all', '', '', 0, 1, 1, {now} "
    "FROM {lines}",
    "INSERT INTO qunclub_group (id, line_id, idx, slug, name, capacity, seated, entry_url, entry_note, opened_at) "
    "SELECT n, n, 1, 'line-' || n, 'Group ' || n, {seats}, {seats}, '', '', {now} FROM {lines}",
    "INSERT INTO qunclub_covenant (id, line_id, version, body_md, body_html, published_at) "
    "SELECT n, n, 1, 'Be kind.', '<p>Be kind.</p>', {now} FROM {lines}",
    "INSERT INTO qunclub_covenant_acceptance (covenant_id, member_id, accepted_at) SELECT n, {reader}, {now} "
    "FROM {lines}",
    "INSERT INTO qunclub_seat (member_id, line_id, group_id, state, end_reason, asked_at, admitted_at) "
    "SELECT 999 + n, 1, 1, 'admitted', '', {now}, {now} FROM {people}",
    "INSERT INTO qunclub_seat (member_id, line_id, group_id, state, end_reason, asked_at, admitted_at) "
    "SELECT {reader}, n, n, 'admitted', '', {now}, {now} FROM {lines}",
    "INSERT INTO qunclub_board (group_id, last_n, changed) SELECT n, CASE WHEN n = 1 THEN {posts} ELSE 0 END, {posts} "
    "FROM {lines}",
    "INSERT INTO qunclub_board_reader (member_id, group_id, read_n) VALUES ({reader}, 1, {half})",
    "INSERT INTO qunclub_board_post (id, group_id, n, parent_id, member_id, kind, title, body_md, body_html, mentions, "
    "by_staff, open_answers, replies, reads, hidden_reason, version, created_at, pinned_at) SELECT n, 1, n, "
    "CASE WHEN n BETWEEN 2 AND {answers} + 1 THEN 1 END, 999 + n % ({seats} - 1) + 1, "
    "CASE WHEN n % 10 = 0 AND n > {answers} + 1 THEN 'announcement' ELSE 'post' END, "
    "CASE WHEN n % 10 = 0 AND n > {answers} + 1 THEN 'Title' ELSE '' END, "
    "'Words.', '<p>Words.</p>', '[1001]', false, true, CASE WHEN n = 1 THEN {answers} ELSE 0 END, 0, '', 1, {at}, "
    "CASE WHEN n IN (1, {half}) THEN {at} END FROM {series}",
    "INSERT INTO qunclub_board_picture (post_id, name, content_type, size, sha256, storage_key) "
    "SELECT n, 'page.png', 'image/png', 1, 'x', 'x' || n FROM {series} WHERE n % 4 = 0",
    "INSERT INTO qunclub_board_receipt (post_id, member_id, read_at) SELECT n, {reader}, {at} FROM {series} "
    "WHERE n % 20 = 0",
    "INSERT INTO qunclub_notice (id, member_id, kind, source, said, facts, endpoint, args, by_id, created_at, read_at) "
    "SELECT n, {reader}, 'mention', 'board:' || n, '', '{{\"group\": \"Group 1\"}}', 'qunclub.board.mine', "
    "'{{}}', 1000, {at}, CASE WHEN n % 40 = 0 THEN {at} END FROM {series} WHERE n % 20 = 0",
)
POSTS = Subject(
    name="The board of a group",
    things="posts",
    roles=(),
    pages=PAGES,
    sizes=lambda scale: (scale.posts_few, scale.posts_many),
    fill=fill,
    words=words,
    note=f"The group has {SEATS:,} seats in both; the reader sits in {MINE} groups and has read half of the posts.",
)
