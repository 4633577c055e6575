"""Every recording of a review has its bytes."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.kernel.ports import FileStore

from .models_voice import SpokenComment


def check_bytes(files: FileStore, session: Session, now: dt.datetime) -> list[Finding]:
    """Recordings whose bytes are gone from the store: one statement, and one question to the store a recording."""
    rows = session.execute(select(SpokenComment.id, SpokenComment.storage_key).order_by(SpokenComment.id))
    return [
        Finding(6, f"The recording {row.id} of a review has lost its bytes.", {"recording": row.id})
        for row in rows
        if not files.has(row.storage_key)
    ]
