"""Navigation: each capability registers its own entries; the frame only shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from sqlalchemy.orm import Session

from qunclub.kernel import Actor

from .i18n import _l, locale

# Which part of the administration an entry stands in follows from its order: from this number on.
SECTIONS = (
    (0, ""),
    (10, _l("Money")),
    (20, _l("Members and passes")),
    (40, _l("Learning and groups")),
    (80, _l("Points and seasons")),
    (800, _l("The club")),
)

# Menus of the main navigation: entries that name one stand in it, where its first entry would stand.
MENUS = {"works": _l("Works"), "community": _l("Community"), "season": _l("Season and core")}


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry.

    Attributes:
        area: ``main``, ``desk`` or ``admin``.
        role: shown only to actors with this role; empty for everybody.
        phone: whether it is one of the few tabs at the bottom of a phone.
        menu: of :data:`MENUS`, for entries of ``main``; empty for one that stands by itself.
        count: how many things wait behind it, as it is kept: one statement by a key.
        count_for: the same where it depends on who looks.
    """

    area: str
    label: Any
    endpoint: str
    icon: str
    order: int
    role: str = ""
    phone: bool = False
    count: Callable[[Session], int] | None = None
    menu: str = ""
    count_for: Callable[[Session, Actor], int] | None = None

    def waiting(self, session: Session, actor: Actor) -> int:
        """How many things wait for *actor*."""
        if self.count_for is not None:
            return self.count_for(session, actor)
        return self.count(session) if self.count is not None else 0


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An entry as a template shows it."""

    label: str
    url: str
    icon: str
    active: bool
    phone: bool
    section: str = ""
    endpoint: str = ""
    menu: str = ""


@dataclass(frozen=True, slots=True)
class ShownMenu:
    """Entries that stand together; *label* is empty for one that stands by itself."""

    label: str
    entries: tuple[ShownItem, ...]

    @property
    def active(self) -> bool:
        """Whether one is in one of its rooms."""
        return any(one.active for one in self.entries)


_items: dict[tuple[str, str], NavItem] = {}


def register(*items: NavItem) -> None:
    """Add entries; the same endpoint in the same area replaces."""
    for item in items:
        _items[item.area, item.endpoint] = item


def counts(session: Session, actor: Actor | None) -> dict[str, int]:
    """How many things wait behind the entries that count them, by endpoint; only of those *actor* may follow."""
    return {
        item.endpoint: waiting
        for item in list(_items.values())
        if actor is not None
        and (item.count is not None or item.count_for is not None)
        and (not item.role or actor.has(item.role))
        and item.endpoint in current_app.view_functions
        and (waiting := item.waiting(session, actor))
    }


def reader(actor: Actor | None) -> tuple[Any, ...]:
    """What menus depend on: whoever has the same sees the same ones."""
    return actor.roles if actor else None, request.endpoint, locale(), request.script_root, len(_items)


def shown(area: str, actor: Actor | None) -> list[ShownItem]:
    """The entries of *area* that *actor* may follow, in order."""
    here = request.endpoint or ""
    listed = sorted((i for i in _items.values() if i.area == area), key=lambda i: i.order)
    # A page that has no entry of its own belongs to the first entry of its room.
    room = here.rpartition(".")[0]
    current = next((i for i in listed if i.endpoint == here), None) or next(
        (i for i in listed if i.endpoint.rpartition(".")[0] == room), None
    )
    result = []
    for item in listed:
        if item.role and not (actor is not None and actor.has(item.role)):
            continue
        if item.endpoint not in current_app.view_functions:
            continue  # registered by an import of another app in this process
        active = item is current
        section = _section(item) if area == "admin" else ""
        url = url_for(item.endpoint)
        result.append(
            ShownItem(str(item.label), url, item.icon, active, item.phone, section, item.endpoint, item.menu)
        )
    return result


def menus(items: Sequence[ShownItem]) -> list[ShownMenu]:
    """*items* in order, those of a menu together at its first one's place; a menu of one is that entry alone."""
    together: dict[str, list[ShownItem]] = {}
    for item in items:
        together.setdefault(item.menu if item.menu in MENUS else item.url, []).append(item)
    return [
        ShownMenu(str(MENUS[name]) if len(found) > 1 else "", tuple(found))
        for name, found in together.items()
    ]


def _section(item: NavItem) -> str:
    return str(next(label for start, label in reversed(SECTIONS) if item.order >= start))
