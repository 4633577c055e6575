"""The words of this room: kinds of chats, tasks, states, and what the bot says to one person."""

from __future__ import annotations

from typing import Any

from qunclub.web import N_, _, _l, absolute_url

KIND_LABELS: dict[str, Any] = {
    "telegram": _l("Telegram"),
    "wechat": _l("WeChat"),
    "qq": _l("QQ"),
    "wecom": _l("WeCom"),
    "discord": _l("Discord"),
    "other": _l("Another chat"),
}
TASK_LABELS: dict[str, Any] = {
    "let_in": _l("Let them in"),
    "rename": _l("Rename"),
    "put_out": _l("Put out"),
    "mute": _l("Let only read"),
    "unmute": _l("Let write again"),
}
JOIN_LABELS: dict[str, tuple[str, Any]] = {
    "asked": ("warning", _l("Asks to join")),
    "approving": ("warning", _l("Being let in")),
    "approved": ("success", _l("Let in")),
    "declined": ("danger", _l("Not let in")),
    "gone": ("neutral", _l("Withdrawn")),
}
POST_LABELS: dict[str, tuple[str, Any]] = {
    "queued": ("neutral", _l("Waiting to be said")),
    "sending": ("neutral", _l("Being said")),
    "sent": ("success", _l("Said")),
    "refused": ("danger", _l("Refused")),
    "unsure": ("warning", _l("Not certain: look into the chat")),
}
WHY: dict[str, str] = {
    "unknown": N_("This Telegram account is connected to no member of the club."),
    "no_seat": N_("You have no seat in this group."),
    "covenant": N_("The group's covenant is not accepted yet."),
    "introduction": N_("The group asks for a short introduction first; write it on your welcome page."),
    "suspended": N_("Your membership is suspended; your own page says why."),
    "suspended_payment": N_("Your pass is suspended: its payment is disputed at the bank."),
    "used": N_("Your ticket has let you in before. A host of the group can let you in once more."),
    "void": N_("Your ticket is no longer valid."),
    "no_ticket": N_("Your ticket is not made yet. Ask again in a few minutes."),
}
# What the audit log calls the acts of this room.
ACTS: dict[str, Any] = {
    "chat.update": _l("Chat of a group changed"),
    "chat.task": _l("Done in the chat of a group"),
    "chat.again": _l("Tried again in the chat of a group"),
    "chat.disconnect": _l("Telegram disconnected"),
}


def sentence(say: str, facts: dict[str, Any]) -> str:
    """One thing the bot says; a name it does not know is said as nothing wrong: how to go on."""
    if say == "approved":
        return _("Welcome to %(group)s! Your ticket has let you in.", group=facts.get("group", ""))
    if say == "declined":
        why = _(WHY.get(str(facts.get("why")), WHY["no_seat"]))
        if facts.get("why") == "unknown":
            page = absolute_url("qunclub.chats.mine")
        else:
            page = absolute_url("qunclub.groups.show", slug=facts.get("slug", ""))
        return (
            _("You were not let into %(group)s.", group=facts.get("group", ""))
            + f" {why}\n"
            + _("Go on here: %(page)s", page=page)
        )
    page = absolute_url("qunclub.chats.mine")
    known = {
        "linked": _("You are connected. Now ask to join the chat of your group: your ticket lets you in."),
        "again": _("You are connected already. Ask to join the chat of your group: your ticket lets you in."),
        "over": _("This link is no longer good: it works once, for %(minutes)s minutes.", minutes=15),
        "taken": _("This Telegram account is connected to another member of the club."),
        "other": _("Another Telegram account is connected to you; disconnect that one first."),
    }
    if say in ("linked", "again"):
        return known[say]
    first = known.get(say) or _("I let members of the club into the chats of their groups.")
    return f"{first}\n" + _("Go on here: %(page)s", page=page)
