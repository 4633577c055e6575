"""Groups that live in a chat outside the club: the way in, what has to be done there, and a bot that does it.

A change of a seat leads to its tasks once, in the same transaction; the bot carries them out from the outbox, and where
no bot can, a host ticks them off. Nobody is let in by anything but their ticket.
"""

from qunclub.kernel import watch

from .book import way_in
from .models import Chat, ChatAccount, ChatHush, ChatJoin, ChatLink, ChatPost, ChatTask, ChatUpdate
from .services import announce, forget, mute, set_chat, unmute
from .services_hush import mute_changed
from .services_names import profile_changed, rule_changed
from .tasks import seat_changed, tick

watch.seats.add(seat_changed)
watch.profiles.add(profile_changed)
watch.mutes.add(mute_changed)
watch.name_rules.add(rule_changed)

__all__ = [
    "Chat",
    "ChatAccount",
    "ChatHush",
    "ChatJoin",
    "ChatLink",
    "ChatPost",
    "ChatTask",
    "ChatUpdate",
    "announce",
    "forget",
    "mute",
    "profile_changed",
    "seat_changed",
    "set_chat",
    "tick",
    "unmute",
    "way_in",
]
