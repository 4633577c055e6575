"""Lines and their groups as an admin shapes them; covenants and who accepted them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import (
    N_,
    Actor,
    Conflict,
    Invalid,
    NotFound,
    Stale,
    insert_for,
    locks,
    render_markdown,
    store,
    watch,
)

from . import rules, rules_allocation, services, services_covenant, services_waiting, services_welcome
from .models import Covenant, CovenantAcceptance, Group, GroupLine
from .rules import LineDraft

FIELDS = (
    "slug",
    "name",
    "kind",
    "capacities",
    "repeat_last",
    "name_pattern",
    "posting",
    "posting_note",
    "nickname_rule",
    "allocation",
    "open_at_once",
    "labels",
    "offer_hours",
    "moving",
)
NOT_BY_HAND = N_("A spin-off is proposed by a member, beside their group.")
LISTS = ("capacities", "labels")


def create_line(
    session: Session,
    *,
    slug: str,
    name: str,
    capacities: Sequence[int],
    actor: Actor,
    now: dt.datetime,
    kind: str = "learner",
    repeat_last: bool = False,
    name_pattern: str = "",
    posting: str = "",
    posting_note: str = "",
    nickname_rule: str = rules.DEFAULT_NICKNAME,
    covenant_md: str = "",
    allocation: str = "first",
    open_at_once: int = 1,
    labels: Sequence[str] = (),
    offer_hours: int = 0,
    moving: str = "no",
    proposed: bool = False,
) -> GroupLine:
    """Make a line, its first group, and its covenant when one is given.

    *posting* empty: everybody posts in a core group, staff in any other. *proposed*: whether it is the spin-off that a
    member proposed; none is made otherwise.
    """
    if kind == "spin_off" and not proposed:
        raise Invalid(NOT_BY_HAND, field="kind")
    draft = rules.checked(
        LineDraft(
            slug=slug,
            name=name,
            capacities=capacities,
            kind=kind,
            repeat_last=repeat_last,
            name_pattern=name_pattern,
            posting=posting or ("all" if kind == "core" else "staff"),
            posting_note=posting_note,
            nickname_rule=nickname_rule,
            allocation=allocation,
            open_at_once=open_at_once,
            labels=labels,
            offer_hours=offer_hours,
            moving=moving,
        )
    )
    if draft.slug in rules.RESERVED or _hidden_or_hiding(session, draft.slug):
        raise Invalid(N_("This address is taken."), field="slug")
    line = GroupLine(
        **{**asdict(draft), "capacities": list(draft.capacities), "labels": list(draft.labels)},
        waiting_count=0,
        next_position=1,
        version=1,
        created_at=now,
    )
    session.add(line)
    session.flush()
    services.first_group(session, line, now=now)
    _record(session, line, actor, "group_line.create", {"after": facts(line)}, now)
    if covenant_md.strip():
        publish_covenant(session, line_id=line.id, body_md=covenant_md, actor=actor, now=now)
    return line


def _hidden_or_hiding(session: Session, slug: str) -> bool:
    """Whether a line of this address, or one of its groups, would share an address with another line or its groups."""
    lines = select(GroupLine.slug).where(
        or_(
            GroupLine.slug.in_([slug, *rules.lines_above(slug)]),
            GroupLine.slug.startswith(f"{slug}-", autoescape=True),
        )
    )
    if any(one == slug or rules.share_address(one, slug) for one in session.scalars(lines)):
        return True
    return session.scalar(select(Group.id).where(Group.slug == slug)) is not None


def update_line(
    session: Session, *, line_id: int, version: int, draft: LineDraft, actor: Actor, now: dt.datetime
) -> GroupLine:
    """Change a line. More seats go to those who wait, at once; open groups never shrink below their members.

    Raises:
        Stale: when somebody else saved it since *version* was read.
    """
    line = locks.lock(session, GroupLine, line_id)
    if line.version != version:
        raise Stale(N_("Somebody else saved this in the meantime. Look at the new state, then save again."))
    groups = list(
        session.scalars(
            select(Group)
            .where(Group.line_id == line.id)
            .order_by(Group.index)
            .execution_options(populate_existing=True)
        )
    )
    draft = rules.checked(draft, opened=[(group.capacity, group.seated) for group in groups])
    if draft.kind != line.kind and "spin_off" in (draft.kind, line.kind):
        raise Invalid(NOT_BY_HAND, field="kind")
    if draft.slug != line.slug:
        raise Invalid(N_("The address stays: links to it are in members' chats."), field="slug")
    before = facts(line)
    for key in FIELDS:
        value = getattr(draft, key)
        setattr(line, key, list(value) if key in LISTS else value)
    line.version += 1
    for group in groups:
        capacity = rules.capacity_of(line.capacities, line.repeat_last, group.index)
        assert capacity is not None
        group.capacity = 0 if group.closed_at else capacity
        group.name = rules.group_name(line.name_pattern, line.name, group.index)
        group.label = rules_allocation.label_of(line.labels, group.index)
    session.flush()
    services_waiting.open_due(session, line, now)
    services_waiting.admit_waiting(session, line, now=now)
    after = facts(line)
    changed = [key for key in before if before[key] != after[key]]
    if "nickname_rule" in changed:
        watch.name_rules.tell(session, watch.NameRuleChange(line.id))
    _record(
        session,
        line,
        actor,
        "group_line.update",
        {"before": {key: before[key] for key in changed}, "after": {key: after[key] for key in changed}},
        now,
    )
    return line


def set_entry(
    session: Session, *, group_id: int, entry_url: str, entry_note: str, actor: Actor, now: dt.datetime
) -> Group:
    """Say where the group's chat is; members see it after they accepted the covenant."""
    url = entry_url.strip()
    if url and not url.startswith(("https://", "http://")):
        raise Invalid(N_("Write a whole address that starts with https://."), field="entry_url")
    if len(url) > 500:
        raise Invalid(N_("This address is too long."), field="entry_url")
    group = session.get(Group, group_id)
    if group is None:
        raise NotFound()
    before = {"entry_url": group.entry_url, "entry_note": group.entry_note}
    group.entry_url, group.entry_note = url, entry_note.strip()
    store.record(
        session,
        actor=actor,
        action="group.entry",
        target=f"group:{group.id}",
        now=now,
        summary=group.name,
        details={"before": before, "after": {"entry_url": group.entry_url, "entry_note": group.entry_note}},
    )
    session.flush()
    return group


def publish_covenant(
    session: Session, *, line_id: int, body_md: str, actor: Actor, now: dt.datetime
) -> Covenant:
    """Publish the next version of a line's rules; every member of the line is asked again, and told by mail."""
    if not body_md.strip():
        raise Invalid(N_("Write the covenant."), field="body_md")
    line = locks.lock(session, GroupLine, line_id)
    last = current_covenant(session, line_id)
    if last is not None and last.body_md == body_md.strip():
        raise Conflict(N_("Nothing changed: this is the version that is in force."))
    covenant = Covenant(
        line_id=line.id,
        version=last.version + 1 if last else 1,
        body_md=body_md.strip(),
        body_html=render_markdown(body_md),
        published_at=now,
    )
    session.add(covenant)
    session.flush()
    services_covenant.announce(session, covenant, now=now)
    _record(session, line, actor, "covenant.publish", {"version": covenant.version}, now)
    return covenant


def current_covenant(session: Session, line_id: int) -> Covenant | None:
    """The version in force, if the line has rules at all."""
    return session.scalars(
        select(Covenant).where(Covenant.line_id == line_id).order_by(Covenant.version.desc()).limit(1)
    ).one_or_none()


def accept_covenant(
    session: Session, *, member_id: int, line_id: int, version: int, now: dt.datetime
) -> Covenant:
    """Remember that the member accepted *version*; twice is once.

    Raises:
        Stale: when a newer version was published while the member was reading.
    """
    covenant = current_covenant(session, line_id)
    if covenant is None:
        raise NotFound()
    if covenant.version != version:
        raise Stale(N_("The covenant has a newer version. Please read it and accept that one."))
    insert = insert_for(session, CovenantAcceptance)
    session.execute(
        insert.values(covenant_id=covenant.id, member_id=member_id, accepted_at=now).on_conflict_do_nothing()
    )
    services_welcome.newcomers(session, line_id=line_id, member_ids=[member_id], now=now)
    return covenant


def facts(line: GroupLine) -> dict[str, object]:
    """A line as the audit log keeps it."""
    return {key: getattr(line, key) for key in FIELDS}


def _record(
    session: Session, line: GroupLine, actor: Actor, action: str, details: dict[str, object], now: dt.datetime
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"group_line:{line.id}",
        now=now,
        summary=line.name,
        details=details,
    )
