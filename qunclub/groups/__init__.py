"""Group lines that open the next group when one is full, seats, waiting lists, and the covenant.

Promise 2: admitted seats never exceed capacity, and when the last seat goes exactly one next group opens.
Promise 4: who finds no seat waits in an explicit, ordered list.
"""

from .models import Covenant, CovenantAcceptance, Group, GroupLine, Seat
from .qr import qr_svg
from .queries import (
    LineView,
    MySeat,
    ShelfLine,
    line_view,
    line_views,
    my_seat,
    my_seats,
    seat_of,
    seats_left,
    shelf_lines,
    waiting_place,
)
from .rules import DEFAULT_NICKNAME, LineDraft, Seats, nickname, parse_capacities
from .services import (
    admit_waiting,
    enter_core,
    first_group,
    leave_core,
    leave_seat,
    live_seat,
    remove_member,
    take_seat,
)
from .services_lines import (
    accept_covenant,
    create_line,
    current_covenant,
    publish_covenant,
    set_entry,
    update_line,
)
from .services_restore import restore_seat

__all__ = [
    "DEFAULT_NICKNAME",
    "Covenant",
    "CovenantAcceptance",
    "Group",
    "GroupLine",
    "LineDraft",
    "LineView",
    "MySeat",
    "Seat",
    "Seats",
    "ShelfLine",
    "accept_covenant",
    "admit_waiting",
    "create_line",
    "current_covenant",
    "enter_core",
    "first_group",
    "leave_core",
    "leave_seat",
    "line_view",
    "line_views",
    "live_seat",
    "my_seat",
    "my_seats",
    "nickname",
    "parse_capacities",
    "publish_covenant",
    "qr_svg",
    "remove_member",
    "restore_seat",
    "seat_of",
    "seats_left",
    "set_entry",
    "shelf_lines",
    "take_seat",
    "update_line",
    "waiting_place",
]
