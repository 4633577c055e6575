"""Every table of the club in one import: for Alembic, and for whoever needs the whole metadata."""

from qunclub.adapters.accounts import models as accounts
from qunclub.api import models as api
from qunclub.board import models as board
from qunclub.board import models_welcome as board_welcome
from qunclub.chats import models as chats
from qunclub.contests import models as contests
from qunclub.courses import models as courses
from qunclub.courses import models_access as courses_access
from qunclub.courses import models_media as courses_media
from qunclub.groups import models as groups
from qunclub.groups import models_bar as groups_bar
from qunclub.groups import models_hosts as groups_hosts
from qunclub.groups import models_moving as groups_moving
from qunclub.groups import models_ritual as groups_ritual
from qunclub.groups import models_spin_off as groups_spin_off
from qunclub.groups import models_split as groups_split
from qunclub.groups import models_welcome as groups_welcome
from qunclub.homework import models as homework
from qunclub.homework import models_allocation as homework_allocation
from qunclub.homework import models_desk as homework_desk
from qunclub.homework import models_fair as homework_fair
from qunclub.homework import models_judging as homework_judging
from qunclub.homework import models_levels as homework_levels
from qunclub.homework import models_remarks as homework_remarks
from qunclub.homework import models_showcase as homework_showcase
from qunclub.homework import models_similar as homework_similar
from qunclub.homework import models_teams as homework_teams
from qunclub.homework import models_voice as homework_voice
from qunclub.homework import models_work as homework_work
from qunclub.house import models as house
from qunclub.kernel import Base, outbox, store
from qunclub.levels import models as levels
from qunclub.members import models as members
from qunclub.notices import models as notices
from qunclub.orders import models as orders
from qunclub.orders import models_money as orders_money
from qunclub.orders import models_referral as orders_referral
from qunclub.orders import models_selling as orders_selling
from qunclub.passes import models as passes
from qunclub.passes import models_door as passes_door
from qunclub.points import models as points
from qunclub.points import models_boards as points_boards
from qunclub.projects import models as projects
from qunclub.rewards import models as rewards
from qunclub.seasons import models as seasons
from qunclub.seasons import models_appeals as seasons_appeals
from qunclub.seasons import models_notices as seasons_notices
from qunclub.seasons import models_offers as seasons_offers
from qunclub.seasons import models_profile as seasons_profile
from qunclub.seasons import models_review as seasons_review
from qunclub.seasons import models_undo as seasons_undo

metadata = Base.metadata

__all__ = [
    "accounts",
    "api",
    "board",
    "board_welcome",
    "chats",
    "contests",
    "courses",
    "courses_access",
    "courses_media",
    "groups",
    "groups_bar",
    "groups_hosts",
    "groups_moving",
    "groups_ritual",
    "groups_spin_off",
    "groups_split",
    "groups_welcome",
    "homework",
    "homework_allocation",
    "homework_desk",
    "homework_fair",
    "homework_judging",
    "homework_levels",
    "homework_remarks",
    "homework_showcase",
    "homework_similar",
    "homework_teams",
    "homework_voice",
    "homework_work",
    "house",
    "levels",
    "members",
    "metadata",
    "notices",
    "orders",
    "orders_money",
    "orders_referral",
    "orders_selling",
    "outbox",
    "passes",
    "passes_door",
    "points",
    "points_boards",
    "projects",
    "rewards",
    "seasons",
    "seasons_appeals",
    "seasons_notices",
    "seasons_offers",
    "seasons_profile",
    "seasons_review",
    "seasons_undo",
    "store",
]
