"""The group lines of the demo, with their first groups, what they ask of newcomers, and the way into their chats."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import GroupLine

from . import content

if TYPE_CHECKING:
    from .build import Cast

ENTRY = "加群主微信 fanye-xiaoman（请备注会员编号），群主核对门票后拉你入群。"
# Whatever a line says under the service's own names is taken as it is.
AS_SAID = ("allocation", "open_at_once", "labels", "offer_hours", "posting")


def open_lines(session: Session, cast: Cast, opened: dt.datetime) -> None:
    """Make every line at the moment *opened*; the cast knows them from here on."""
    for line in content.table("group_lines")["line"]:
        made = _line(session, cast, line, opened)
        cast.lines[line["slug"]] = made.id
        group = groups.first_group(session, made, now=opened)
        groups.set_entry(
            session, group_id=group.id, entry_url="", entry_note=ENTRY, actor=cast.admin, now=opened
        )
        if "questions" in line:
            groups.set_ritual(
                session,
                line_id=made.id,
                version=0,
                questions_typed="\n".join(line["questions"]),
                task_title=line["task_title"],
                task_md=line["task"],
                actor=cast.admin,
                now=cast.ago(12),
            )
        if line["kind"] == "core":
            cast.core_group = group.id


def _line(session: Session, cast: Cast, line: dict[str, Any], opened: dt.datetime) -> GroupLine:
    return groups.create_line(
        session,
        slug=line["slug"],
        name=line["title"],
        kind=line["kind"],
        capacities=line["capacities"],
        name_pattern=line["name_pattern"],
        posting_note=f"{line['posting_policy']}\n\n{line['mute_notice']}",
        nickname_rule=line["nickname_pattern"],
        covenant_md=line["covenant"],
        actor=cast.admin,
        now=opened,
        **{name: line[name] for name in AS_SAID if name in line},
    )
