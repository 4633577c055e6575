"""Which routes are about somebody's own thing, whose it is, and who may use it by office.

Every route with arguments stands in exactly one of the tables below; ``test_matrix`` refuses one that stands in none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

V = TypeVar("V")


@dataclass(frozen=True)
class Own:
    """A route about a thing that belongs to somebody.

    Attributes:
        sql: one row an object: the route's arguments by name, and ``owner``, a member's id; several rows with the same
            arguments for several owners.
        also: roles that may use the route on anybody's thing, by office.
        why: why they may.
    """

    sql: str
    also: frozenset[str] = field(default_factory=frozenset)
    why: str = ""


def own(sql: str, *also: str, why: str = "") -> Own:
    """An :class:`Own`, with ``qunclub_`` written as ``#``."""
    return Own(sql.replace("#", "qunclub_"), frozenset(also), why)


def each(value: V, names: str) -> dict[str, V]:
    """The same for each of *names*."""
    return dict.fromkeys(names.split(), value)


ORDER = own("SELECT code, member_id AS owner FROM #order")
GIFT = own(
    "SELECT o.code, c.id AS code_id, o.member_id AS owner FROM #claim_code c JOIN #order o ON o.id = c.order_id"
)
GIFTS = own(
    "SELECT DISTINCT o.code, o.member_id AS owner FROM #claim_code c JOIN #order o ON o.id = c.order_id"
)
TRANSFER = own("SELECT code, member_id AS owner FROM #order WHERE method = 'transfer'")
SUBSCRIPTION = own("SELECT id AS ident, member_id AS owner FROM #subscription")
TICKET = own(
    "SELECT id AS ticket_id, member_id AS owner FROM #entry_ticket",
    "host",
    "admin",
    why="A host of that door lets people in by their tickets anyway, and helps who cannot open theirs.",
)
PASS = own("SELECT id AS pass_id, member_id AS owner FROM #pass")
SEATED = own(
    "SELECT g.slug, s.member_id AS owner FROM #seat s JOIN #group g ON g.id = s.group_id WHERE s.state = 'admitted'"
)
WORK = own("SELECT id AS submission_id, member_id AS owner FROM #submission WHERE team_id IS NULL")
TEAM = own("SELECT team_id, member_id AS owner FROM #team_member")
QUESTION = own("SELECT id AS question_id, member_id AS owner FROM #question")
ENTRY = own(
    "SELECT c.slug, e.id AS entry_id, e.member_id AS owner FROM #contest_entry e JOIN #contest c ON c.id = e.contest_id"
)
PIECE = own(
    "SELECT p.slug, i.id AS piece_id, i.holder_id AS owner FROM #piece i JOIN #project p ON p.id = i.project_id"
    " WHERE i.holder_id IS NOT NULL"
)
LEAD = "A project is led by its leader, and mended by an admin."
LED = own("SELECT slug, lead_id AS owner FROM #project", "admin", why=LEAD)
LED_PIECE = own(
    "SELECT p.slug, i.id AS piece_id, p.lead_id AS owner FROM #piece i JOIN #project p ON p.id = i.project_id",
    "admin",
    why=LEAD,
)
LED_STATE = own("SELECT slug, 'open' AS state, lead_id AS owner FROM #project", "admin", why=LEAD)
TEACHING = "Instructors keep the questions of all courses in order."
OFFER = own("SELECT id AS offer_id, member_id AS owner FROM #season_offer")
OWN_SEAT = own("SELECT id AS seat_id, member_id AS owner FROM #seat")
HOSTS = "Hosts see to the rules in any group."
PHRASE = own("SELECT id AS phrase_id, member_id AS owner FROM #phrase")

LED_BY = "A spin-off is led by its leader, and mended by an admin."
BOARDS = "Hosts read and write on every board."
AT_BOARD = "FROM #board_post p JOIN #group g ON g.id = p.group_id"
SEATED_AT = f"{AT_BOARD} JOIN #seat s ON s.group_id = g.id AND s.state = 'admitted'"
BOARD = own(SEATED.sql, "host", "admin", why=BOARDS)
POSTED = own(f"SELECT g.slug, p.n, s.member_id AS owner {SEATED_AT}", "host", "admin", why=BOARDS)
BOARD_POST = own(f"SELECT g.slug, p.n, p.member_id AS owner {AT_BOARD}")
BOARD_DESK = own(
    f"SELECT g.slug, p.n, m.id AS owner {AT_BOARD} JOIN #member m ON m.roles LIKE '%host%'"
    f" UNION SELECT g.slug, p.n, h.member_id AS owner {AT_BOARD} JOIN #group_host h ON h.group_id = g.id"
    " JOIN #seat s ON s.group_id = g.id AND s.member_id = h.member_id AND s.state = 'admitted'",
    "admin",
    why="An admin is a host too.",
)

OWN: dict[str, Own] = {
    **each(BOARD, "board.index board.news board.seen board.people"),
    **each(POSTED, "board.thread board.thread_news board_post.received"),
    **each(BOARD_POST, "board_post.edit board_post.delete"),
    **each(
        BOARD_DESK, "board_post.receipts board_post.history board_post.hide board_post.show board_post.pin"
    ),
    "board.picture": own(
        f"SELECT g.slug, x.id AS picture_id, s.member_id AS owner {SEATED_AT}"
        " JOIN #board_picture x ON x.post_id = p.id",
        "host",
        "admin",
        why=BOARDS,
    ),
    "notices.open_one": own("SELECT id AS notice_id, member_id AS owner FROM #notice"),
    **each(
        ORDER,
        "orders.show orders.checkout orders.back orders.state orders.cancel orders.pay "
        "refunds.ask refunds.give_back fapiao.show fapiao.ask",
    ),
    "receipts.show": own(
        "SELECT code, member_id AS owner FROM #order",
        "admin",
        why="An admin prints a receipt for whoever lost it.",
    ),
    **each(
        GIFT,
        "claims.qr claims.recipient claims.renew claims.revoke claims.send",
    ),
    **each(
        GIFTS,
        "claims.codes claims.export claims.send_all claims.vouchers codes_refund.ask codes_refund.give_back",
    ),
    **each(
        TRANSFER,
        "transfers.show transfers.choose transfers.online transfers.prove",
    ),
    "transfers.proof": own(
        "SELECT o.code, p.id AS proof_id, o.member_id AS owner FROM #transfer_proof p"
        " JOIN #order o ON o.id = p.order_id"
    ),
    **each(
        SUBSCRIPTION,
        "memberships.show memberships.cancel memberships.resume",
    ),
    **each(
        TICKET,
        "tickets.show tickets.qr",
    ),
    "tickets.wallet": TICKET,
    **each(
        own("SELECT id AS list_id, host_id AS owner FROM #door_list"),
        "door_lists.offline door_lists.data door_lists.fresh_token door_lists.upload",
    ),
    "tickets.of_seat": OWN_SEAT,
    **each(
        OWN_SEAT,
        "group_seats.offer group_seats.accept group_seats.decline group_seats.leave group_seats.left "
        "group_moves.move group_moves.withdraw",
    ),
    "spin_offs.new": SEATED,
    "spin_offs.show": own(
        "SELECT id AS ident, proposer_id AS owner FROM #spin_off WHERE proposer_id IS NOT NULL AND state <> 'approved'",
        "admin",
        why="An admin answers it.",
    ),
    "spin_offs.withdraw": own(
        "SELECT id AS ident, proposer_id AS owner FROM #spin_off WHERE proposer_id IS NOT NULL"
    ),
    "spin_offs.join": own(
        "SELECT o.id AS ident, s.member_id AS owner FROM #spin_off o JOIN #seat s ON s.group_id = o.parent_group_id"
        " WHERE s.state = 'admitted' AND o.state = 'approved' AND o.open_to = 'group'"
    ),
    **each(
        own(
            "SELECT id AS ident, leader_id AS owner FROM #spin_off WHERE leader_id IS NOT NULL",
            "admin",
            why=LED_BY,
        ),
        "spin_offs.lead spin_offs.hand_over spin_offs.end",
    ),
    "spin_offs.remove": own(
        "SELECT o.id AS ident, s.id AS seat_id, o.leader_id AS owner FROM #spin_off o"
        " JOIN #seat s ON s.group_id = o.group_id WHERE o.leader_id IS NOT NULL AND s.state = 'admitted'"
        " AND s.member_id <> o.leader_id",
        "admin",
        why=LED_BY,
    ),
    "house.appeal": own("SELECT id AS sanction_id, member_id AS owner FROM #sanction"),
    "house.exception": own(
        "SELECT m.id AS mute_id, s.member_id AS owner FROM #mute m JOIN #seat s ON s.group_id = m.group_id "
        "JOIN #member b ON b.id = s.member_id WHERE m.member_id IS NULL AND m.role = '' AND s.state = 'admitted' "
        # Whom such a mute means: everybody but hosts and admins.
        "AND CAST(b.roles AS TEXT) NOT LIKE '%host%' AND CAST(b.roles AS TEXT) NOT LIKE '%admin%'"
    ),
    "house.report": own(SEATED.sql, "host", "admin", why=HOSTS),
    "house.report_subject": own(
        "SELECT 'conduct' AS kind, t.id AS subject_id, s.member_id AS owner FROM #seat t"
        " JOIN #seat s ON s.group_id = t.group_id AND s.state = 'admitted' WHERE t.state = 'admitted'",
        "host",
        "admin",
        why=HOSTS,
    ),
    **each(
        PASS,
        "welcome.index welcome.ask welcome.covenant welcome.name welcome.name_preview ritual.introduce ritual.task",
    ),
    **each(SEATED, "groups.accept groups.introduce"),
    "chats.picture": own(
        "SELECT g.slug, s.member_id AS owner FROM #seat s JOIN #group g ON g.id = s.group_id"
        " JOIN #chat c ON c.group_id = g.id WHERE s.state = 'admitted' AND c.picture_key <> ''",
        "host",
        "admin",
        why="A host of no group of their own shows the way into any group.",
    ),
    "groups.entry_qr": own(
        SEATED.sql, "host", "admin", why="A host of no group of their own shows the way into any group."
    ),
    **each(
        WORK,
        "homework.consent homework.take_back showcase.agree",
    ),
    "homework.file": own(
        "SELECT f.id AS file_id, s.member_id AS owner FROM #submission_file f JOIN #attempt a ON a.id = f.attempt_id"
        " JOIN #submission s ON s.id = a.submission_id WHERE s.team_id IS NULL",
        "instructor",
        "admin",
        why="Whoever reviews a work opens its files.",
    ),
    "desk_voice.play": own(
        "SELECT v.id AS voice_id, s.member_id AS owner FROM #spoken_comment v"
        " JOIN #submission s ON s.id = v.submission_id"
        " WHERE v.review_id IS NOT NULL",
        "instructor",
        "admin",
        why="Whoever reviews a work hears what was said of it.",
    ),
    **each(
        TEAM,
        "homework_teams.accept homework_teams.invite homework_teams.leave",
    ),
    "homework_teams.uninvite": own(
        "SELECT t.team_id, i.member_id AS invitee_id, t.member_id AS owner FROM #team_member t"
        " JOIN #team_member i ON i.team_id = t.team_id WHERE i.member_id <> t.member_id"
    ),
    "points.line": own("SELECT id AS entry_id, member_id AS owner FROM #ledger_entry"),
    "questions.edit": QUESTION,
    "questions.unmark": own(
        "SELECT id AS question_id, member_id AS owner FROM #question", "instructor", "admin", why=TEACHING
    ),
    "projects_lead.set_state": LED_STATE,
    "questions.edit_answer": own("SELECT id AS answer_id, member_id AS owner FROM #answer"),
    "questions.best": own(
        "SELECT a.id AS answer_id, q.member_id AS owner FROM #answer a JOIN #question q ON q.id = a.question_id",
        "instructor",
        "admin",
        why=TEACHING,
    ),
    **each(
        ENTRY,
        "contests.edit contests.withdraw",
    ),
    "jury.index": own(
        "SELECT c.slug, j.member_id AS owner FROM #juror j JOIN #contest c ON c.id = j.contest_id"
    ),
    "jury.score": own(
        "SELECT c.slug, e.id AS entry_id, j.member_id AS owner FROM #juror j JOIN #contest c ON c.id = j.contest_id"
        " JOIN #contest_entry e ON e.contest_id = c.id"
    ),
    **each(
        PIECE,
        "projects.deliver projects.give_back",
    ),
    "projects.file": own(
        "SELECT p.slug, i.id AS piece_id, f.id AS file_id, d.member_id AS owner FROM #piece_file f"
        " JOIN #piece_delivery d ON d.id = f.delivery_id JOIN #piece i ON i.id = d.piece_id"
        " JOIN #project p ON p.id = i.project_id",
        "admin",
        why=LEAD,
    ),
    **each(
        LED,
        "projects_lead.edit projects_lead.new_piece",
    ),
    **each(
        LED_PIECE,
        "projects_lead.assign projects_lead.cancel projects_lead.edit_piece projects_lead.extend "
        "projects_lead.restore projects_lead.verdict",
    ),
    **each(
        OFFER,
        "core_offers.accept core_offers.decline",
    ),
    **each(
        PHRASE,
        "desk_phrases.change desk_phrases.delete desk_phrases.use",
    ),
}

PUBLIC: dict[str, str] = {
    **each(
        "A page of the club; what of it is locked is tested where it is made.",
        "vendor.file frame.language courses.show courses.lesson questions.course passes.show "
        "orders.order orders.quote orders.quoted orders.start points.rule seasons.show "
        "contests.show contests.results projects.show "
        "groups.changes entry.line entry.qr levels.version",
    ),
    **each(
        "Everybody of the club sees these; what is shown of them depends on who looks, and is tested where it is made.",
        "groups.show members.show contests.entry contests.picture contests.vote",
    ),
    **each(
        "Shown with its author's consent, to all.",
        "showcase.by showcase.show showcase.picture showcase.card showcase.like",
    ),
    **each(
        "Whoever may read the lesson; tested with access.",
        "questions.lesson questions.show media.fetch",
    ),
    **each(
        "Pieces are for all who may see the project; tested with projects.",
        "projects.piece projects.claim",
    ),
    **each(
        "The address carries a secret: whoever was given it may use it.",
        "certificates.show certificates.png certificates.pdf claims.claim claims.redeem "
        "referral.follow referral.accept notices.off "
        "tickets.check media.opened accounts.verify accounts.reset transfers.picture",
    ),
}
TOKENS: dict[str, str] = {
    "api_v1.nothing": "Answers every address that is not there; programs come with a token."
}
SELF: dict[str, str] = {
    **each(
        "The address names what is everybody's; what is shown or changed is the reader's own.",
        "courses.done media.place certificates.claim homework.show homework.receipt "
        "homework_work.draft homework_work.compare homework_teams.start homework_teams.decline "
        "work_appeals.appeal contests.enter season_leave.show season_leave.ask season_leave.end "
        "season_appeals.show season_appeals.open_",
    ),
    "codes_refund.done": "The key is of one's own paper; a key of nobody's shows nothing.",
}
STAFF: dict[str, str] = {
    **each(
        "Any instructor reviews any work; that one holds it at a time is tested with the desk.",
        "desk.show desk.claim desk.release desk.save desk_writing.beat desk_writing.leave "
        "desk_writing.draft desk_writing.discard desk_allocation.take_over desk_similar.show "
        "desk_voice.keep desk_release.release",
    ),
    **each(
        TEACHING,
        "questions_desk.hide questions_desk.hide_answer questions_desk.show questions_desk.show_answer",
    ),
    "desk_appeals.show": "Any instructor but the one whose verdict it is; tested with appeals.",
    "desk_allocation.end": "One's own absence, by its number; tested with allocation.",
    **each(
        "Any instructor nominates.",
        "season_nominate.show season_nominate.nominate",
    ),
    **each(
        HOSTS,
        "house_desk.show house_desk.claim house_desk.release house_desk.dismiss house_desk.decide house_desk.act "
        "house_desk.sanction house_quiet.line house_quiet.group house_quiet.follow house_quiet.mute house_quiet.lift",
    ),
    "tickets.admit": "Any host lets in.",
    **each("Hosts of both groups; tested with moving.", "moving_desk.show moving_desk.move"),
    **each("Hosts of that door; tested with the door.", "door.force door_lists.show"),
    **each("Hosts of that group; tested with the ritual.", "ritual.group ritual.renamed"),
    **each(
        "Hosts of that group; tested with chats.",
        "chats_desk.show chats_desk.way_in chats_desk.say chats_desk.say_again chats_desk.retry chats_desk.compare "
        "chats_desk.hushed chats_desk.done chats_desk.again chats_desk.mute chats_desk.unmute",
    ),
}
