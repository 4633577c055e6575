"""Accounts as their owners use them: forms, mails and links."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from qunclub import jobs
from qunclub.adapters.accounts import services
from qunclub.web.state import club

Mails = Callable[[], list[dict[str, Any]]]
LINK = re.compile(r"https?://[^/\s]+(/account/\S+)")


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 as it is, but with the least work."""
    monkeypatch.setattr(services, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setattr(services, "_decoy", [])


@pytest.fixture
def mails(app: Flask) -> Mails:
    """Deliver what is queued, then give the kept mails, newest first, each with the ``path`` of its link."""

    def deliver() -> list[dict[str, Any]]:
        with app.app_context():
            jobs.dispatch(club())
            found: list[dict[str, Any]] = club().mailer.messages()  # type: ignore[attr-defined]  # the folder mailer
        for mail in found:
            link = LINK.search(mail["body"])
            mail["path"] = link.group(1) if link else None
        return found

    return deliver
