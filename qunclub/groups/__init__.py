"""Group lines that open the next group when one is full, seats, waiting lists, and the covenant.

Promise 2: admitted seats never exceed capacity, and when the last seat goes exactly one next group opens.
Promise 4: who finds no seat waits in an explicit, ordered list.
"""

from .entry import DISPUTED, MERGED, MOVED, OPENED_BY, PURPOSES
from .models import Covenant, CovenantAcceptance, Group, GroupLine, Seat
from .models_bar import Bar
from .moving_ends import NO_TICKETS, is_spin_off
from .qr import qr_svg
from .queries import (
    LineView,
    ShelfLine,
    group_by_slug,
    line_view,
    line_views,
    seats_left,
    shelf_lines,
)
from .queries_bars import bar_in, barred, barred_among, bars_of
from .queries_hosts import hosted
from .queries_mine import MySeat, my_seat, my_seats, seat_of, waiting_place
from .queries_ritual import NOTHING as NOTHING_ASKED
from .queries_ritual import Arrival, Asked, arrivals, asked_of, is_asked, ritual_of
from .rules import DEFAULT_NICKNAME, LineDraft, Seats, nickname, parse_capacities
from .rules_spin_off import Proposal
from .services import (
    LIVE,
    Barred,
    enter_core,
    first_group,
    leave_core,
    leave_seat,
    live_seat,
    take_seat,
)
from .services_bars import bar_member, lift_bar, remove_member
from .services_hosts import (
    add_host,
    doors_hosted_by,
    forget_host,
    hosted_by,
    hosts_of,
    is_host_of,
    remove_host,
)
from .services_lines import (
    accept_covenant,
    create_line,
    current_covenant,
    publish_covenant,
    set_entry,
    update_line,
)
from .services_merge import merge
from .services_moving import move
from .services_offers import accept_offer, decline_offer, expire_offers, leave
from .services_requests import answer as answer_wish
from .services_requests import ask as ask_to_move
from .services_requests import forget_moves
from .services_requests import withdraw as withdraw_wish
from .services_restore import restore_seat
from .services_ritual import forget_introductions, introduce, mark, set_ritual, unmark
from .services_spin_off import decide as decide_spin_off
from .services_spin_off import forget_spin_offs
from .services_spin_off import join as join_spin_off
from .services_spin_off import propose as propose_spin_off
from .services_split import NO_MORE_GROUPS, NOBODY_LEFT, forget_splits
from .services_split import OFF as SPLIT_OFF
from .services_waiting import admit_waiting
from .services_welcome import set_welcome

SPLIT_NOTES = (NOBODY_LEFT, NO_MORE_GROUPS)
"""Why an announced split came to nothing by itself: msgids with the group's name."""

__all__ = [
    "DEFAULT_NICKNAME",
    "DISPUTED",
    "LIVE",
    "MERGED",
    "MOVED",
    "NOTHING_ASKED",
    "NO_TICKETS",
    "OPENED_BY",
    "PURPOSES",
    "SPLIT_NOTES",
    "SPLIT_OFF",
    "Arrival",
    "Asked",
    "Bar",
    "Barred",
    "Covenant",
    "CovenantAcceptance",
    "Group",
    "GroupLine",
    "LineDraft",
    "LineView",
    "MySeat",
    "Proposal",
    "Seat",
    "Seats",
    "ShelfLine",
    "accept_covenant",
    "accept_offer",
    "add_host",
    "admit_waiting",
    "answer_wish",
    "arrivals",
    "ask_to_move",
    "asked_of",
    "bar_in",
    "bar_member",
    "barred",
    "barred_among",
    "bars_of",
    "create_line",
    "current_covenant",
    "decide_spin_off",
    "decline_offer",
    "doors_hosted_by",
    "enter_core",
    "expire_offers",
    "first_group",
    "forget_host",
    "forget_introductions",
    "forget_moves",
    "forget_spin_offs",
    "forget_splits",
    "group_by_slug",
    "hosted",
    "hosted_by",
    "hosts_of",
    "introduce",
    "is_asked",
    "is_host_of",
    "is_spin_off",
    "join_spin_off",
    "leave",
    "leave_core",
    "leave_seat",
    "lift_bar",
    "line_view",
    "line_views",
    "live_seat",
    "mark",
    "merge",
    "move",
    "my_seat",
    "my_seats",
    "nickname",
    "parse_capacities",
    "propose_spin_off",
    "publish_covenant",
    "qr_svg",
    "remove_host",
    "remove_member",
    "restore_seat",
    "ritual_of",
    "seat_of",
    "seats_left",
    "set_entry",
    "set_ritual",
    "set_welcome",
    "shelf_lines",
    "take_seat",
    "unmark",
    "update_line",
    "waiting_place",
    "withdraw_wish",
]
