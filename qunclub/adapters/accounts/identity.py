"""The standalone site's identity: Flask-Login over the club's accounts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, has_request_context, request
from flask import session as cookie
from flask_login import LoginManager, UserMixin, current_user
from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, reads
from qunclub.web import club

from .models import Account

if TYPE_CHECKING:
    from qunclub.config import Settings


class SignedIn(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """An account as Flask-Login sees it. Its id names the stamp: a new password ends old sessions."""

    def __init__(self, account: Account | Row[Any]) -> None:
        self.account_id = account.id
        self.name = account.name
        self.email = account.email
        self.verified = account.verified_at is not None
        self.stamp = account.stamp

    def get_id(self) -> str:
        """``<account id>:<stamp>``."""
        return f"{self.account_id}:{self.stamp}"


def signed_in_id() -> int | None:
    """The id of the account of this request; None for a stranger, and where a host keeps the users."""
    user: Any = current_user if isinstance(club().identity, AccountsIdentity) else None
    return int(user.account_id) if user and user.is_authenticated else None


@cache
def _account() -> Select[*tuple[Any, ...]]:
    return select(Account.id, Account.name, Account.email, Account.verified_at, Account.stamp).where(
        Account.id == bindparam("id")
    )


def unverified() -> bool:
    """Whether the person of this request signed in here with an address that is not proven yet."""
    user: Any = current_user if isinstance(club().identity, AccountsIdentity) else None
    return bool(user) and user.is_authenticated and not user.verified


class AccountsIdentity:
    """``kernel.ports.Identity`` for the standalone site."""

    def current(self) -> Actor | None:
        """The signed-in account, or None."""
        remembered = current_app.config["REMEMBER_COOKIE_NAME"]
        if not has_request_context() or ("_user_id" not in cookie and remembered not in request.cookies):
            return None  # a stranger: Flask-Login would find the same, and write to the cookie that it looked
        user: Any = current_user
        if not user or not user.is_authenticated:
            return None
        return Actor(key=f"account:{user.account_id}", name=user.name, email=user.email)


def install(
    app: Flask, manager: LoginManager, *, session: Callable[[], Session], settings: Settings
) -> AccountsIdentity:
    """Teach *manager* to load accounts; cookies as strict as the environment allows."""

    def load(ident: str) -> SignedIn | None:
        number, _sep, stamp = ident.partition(":")
        if not number.isdigit():
            return None
        account = reads.one(session(), _account(), id=int(number))
        return SignedIn(account) if account is not None and account.stamp == stamp else None

    manager.user_loader(load)
    manager.session_protection = "basic"
    app.config.setdefault("REMEMBER_COOKIE_NAME", "qunclub_remember")
    app.config.setdefault("REMEMBER_COOKIE_HTTPONLY", True)
    app.config.setdefault("REMEMBER_COOKIE_SAMESITE", "Lax")
    app.config.setdefault("REMEMBER_COOKIE_SECURE", settings.production)
    return AccountsIdentity()
