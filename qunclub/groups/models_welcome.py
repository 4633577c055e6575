"""How a line welcomes newcomers on the boards of its groups."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime

from . import rules_welcome

# For rooms above, which know the tables of this one and not its rules.
OFF, EACH = rules_welcome.OFF, rules_welcome.EACH


class LineWelcome(Base):
    """The setting of one line. ``since``: whoever was admitted before is no newcomer; set when it is turned on."""

    __tablename__ = "qunclub_line_welcome"
    line_id: Mapped[int] = mapped_column(
        ForeignKey("qunclub_group_line.id"), primary_key=True, autoincrement=False
    )
    mode: Mapped[str] = mapped_column(String(12), default="off")
    words_zh: Mapped[str] = mapped_column(String(200), default="")
    words_en: Mapped[str] = mapped_column(String(200), default="")
    since: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(default=1)
