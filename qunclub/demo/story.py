"""A story: things that happen at their moments, told in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

Happening = Callable[[Session, dt.datetime], None]


@dataclass
class Story:
    """Happenings with their moments; those of one moment keep the order they were added in."""

    happenings: list[tuple[dt.datetime, Happening]] = field(default_factory=list)

    def add(self, at: dt.datetime, happening: Happening) -> None:
        """Let *happening* happen at *at* (aware UTC)."""
        self.happenings.append((at, happening))


def tell(session: Session, story: Story) -> None:
    """Let everything happen in time order, each with its own moment as ``now``."""
    for at, happening in sorted(story.happenings, key=lambda item: item[0]):
        happening(session, at)
    session.flush()
