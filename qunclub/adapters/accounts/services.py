"""Accounts with a password: sign up, verify, sign in, forget, change.

Mailed links are signed, expire, and name the account's ``stamp``: a new password makes a new stamp, which ends
every session and link made before.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import EmailNotValidError, validate_email
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, ids, locks, mail
from qunclub.kernel.keys import Secret, oldest_first

from .models import Account

MIN_PASSWORD = 10
MAX_PASSWORD = 200
VERIFY_SECONDS = 3 * 24 * 3600
RESET_SECONDS = 2 * 3600
hasher = PasswordHasher()
_decoy: list[str] = []


def clean_email(text: str) -> str:
    """An address in lower case, checked for form only: no lookup leaves the machine.

    Raises:
        Invalid: on field ``email``.
    """
    try:
        return validate_email(
            text.strip(), check_deliverability=False, test_environment=True
        ).normalized.lower()
    except EmailNotValidError:
        raise Invalid(N_("Write a whole e-mail address, such as name@example.com."), field="email") from None


def check_password(password: str, email: str, *, field: str = "password") -> None:
    """Refuse passwords that are short or that are the address itself (NIST SP 800-63B: length, no composition rules).

    Raises:
        Invalid: on *field*.
    """
    if len(password) < MIN_PASSWORD:
        raise Invalid(N_("Use at least %(least)s characters."), field=field, least=MIN_PASSWORD)
    if len(password) > MAX_PASSWORD:
        raise Invalid(N_("Use at most %(most)s characters."), field=field, most=MAX_PASSWORD)
    address = email.strip().lower()
    if password.lower() in (address, address.partition("@")[0]) or len(set(password)) < 4:
        raise Invalid(N_("That is too easy to guess; a short sentence is better."), field=field)


def by_email(session: Session, email: str) -> Account | None:
    """The account of an address, or None."""
    return session.scalars(select(Account).where(Account.email == email.strip().lower())).one_or_none()


def identity_of(account: Account) -> Actor:
    """The account as the club's identity."""
    return Actor(key=f"account:{account.id}", name=account.name, email=account.email)


def hashed(password: str, email: str, *, field: str = "password") -> str:
    """The hash of an acceptable password. About 90 ms: make it before a unit of work, never while holding its lock.

    Raises:
        Invalid: on *field*.
    """
    check_password(password, email, field=field)
    return hasher.hash(password)


def sign_up(
    session: Session,
    *,
    email: str,
    name: str,
    password_hash: str,
    locale: str,
    secret: Secret,
    site_url: str,
    now: dt.datetime,
) -> Account:
    """Make an account and mail its verification link.

    Raises:
        Invalid: on ``email`` or ``name``.
    """
    account = _new(session, email=email, name=name, password_hash=password_hash, locale=locale, now=now)
    send_verification(session, account=account, secret=secret, site_url=site_url, now=now)
    return account


def create_verified(session: Session, *, email: str, name: str, password: str, now: dt.datetime) -> Account:
    """An account made by an operator: verified, nothing mailed. An existing one is given back as it is."""
    existing = by_email(session, clean_email(email))
    if existing is not None:
        return existing
    return sign_up_verified(session, email=email, name=name, password_hash=hashed(password, email), now=now)


def sign_up_verified(
    session: Session, *, email: str, name: str, password_hash: str, now: dt.datetime
) -> Account:
    """A new account whose address needs no proof; nothing is mailed.

    Raises:
        Invalid: on ``email`` or ``name``.
    """
    account = _new(session, email=email, name=name, password_hash=password_hash, locale="", now=now)
    account.verified_at = now
    session.flush()
    return account


def _new(
    session: Session, *, email: str, name: str, password_hash: str, locale: str, now: dt.datetime
) -> Account:
    address = clean_email(email)
    if not name.strip() or len(name.strip()) > 60:
        raise Invalid(N_("Write your name, up to %(most)s characters."), field="name", most=60)
    if by_email(session, address) is not None:
        raise Invalid(
            N_("There is an account with this address. Sign in, or reset the password."), field="email"
        )
    account = Account(
        email=address,
        name=name.strip(),
        password_hash=password_hash,
        stamp=ids.token(18),
        locale=locale,
        verified_at=None,
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account


def authenticate(session: Session, *, email: str, password: str) -> Account | None:
    """The account when the password is right. A hash is spent either way, so time does not tell who has an account."""
    account = by_email(session, email)
    if not _decoy:
        _decoy.append(hasher.hash(ids.token()))
    if not _matches(account.password_hash if account else _decoy[0], password) or account is None:
        return None
    return account


def _matches(stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False


def _serializer(secret: Secret, purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(oldest_first(secret), salt=f"qunclub.account.{purpose}")


def send_verification(
    session: Session, *, account: Account, secret: Secret, site_url: str, now: dt.datetime, email: str = ""
) -> None:
    """Mail the link that proves the address (or the new one, *email*, of a change)."""
    address = email or account.email
    token = _serializer(secret, "verify").dumps([account.id, account.stamp, address, account.email])
    link = f"{site_url}/account/verify/{token}"
    mail.send(
        session, to=address, template="verify", context={"name": account.name, "link": link},
        locale=account.locale, key=f"verify:{account.id}:{ids.code(8)}", now=now,
    )  # fmt: skip


def verify(session: Session, *, token: str, secret: Secret, now: dt.datetime) -> Account:
    """Accept a verification link; it also carries a change of address.

    Raises:
        Conflict: when the link is broken, old, or the address was taken or changed otherwise meanwhile.
    """
    data = _read(secret, "verify", token, VERIFY_SECONDS)
    account = _account_of(session, data)
    address, present = str(data[2]), str(data[3])
    if account.email != address:
        # A link mailed to an earlier address must not bring that address back.
        if account.email != present:
            raise Conflict(N_("This link is broken or too old. Ask for a new one."))
        if by_email(session, address) is not None:
            raise Conflict(N_("That address belongs to another account by now."))
        account.email = address
        account.verified_at = now
    account.verified_at = account.verified_at or now
    session.flush()
    return account


def send_reset(session: Session, *, email: str, secret: Secret, site_url: str, now: dt.datetime) -> None:
    """Mail a reset link when the address has an account; the caller says the same either way."""
    account = by_email(session, email)
    if account is None:
        return
    token = _serializer(secret, "reset").dumps([account.id, account.stamp])
    mail.send(
        session, to=account.email, template="reset",
        context={"name": account.name, "link": f"{site_url}/account/reset/{token}"},
        locale=account.locale, key=f"reset:{account.id}:{ids.code(8)}", now=now,
    )  # fmt: skip


def peek_reset(session: Session, *, token: str, secret: Secret) -> Account:
    """The account a reset link is good for.

    Raises:
        Conflict: when the link is broken, old or used.
    """
    return _account_of(session, _read(secret, "reset", token, RESET_SECONDS))


def reset_password(
    session: Session, *, token: str, password_hash: str, secret: Secret, now: dt.datetime
) -> Account:
    """Set a new password by a mailed link; the link dies with the old stamp. Proves the address, too.

    Raises:
        Conflict: for a bad link.
    """
    account = peek_reset(session, token=token, secret=secret)
    account.verified_at = account.verified_at or now
    _set_password(session, account, password_hash, now=now)
    return account


def confirm_password(session: Session, *, account_id: int, password: str) -> Account:
    """The account, when *password* is its present one; spends a hash, so ask before a unit of work.

    Raises:
        Invalid: on ``current``.
    """
    account = session.get(Account, account_id)
    if account is None or not _matches(account.password_hash, password):
        raise Invalid(N_("That is not your present password."), field="current")
    return account


def change_password(session: Session, *, account_id: int, password_hash: str, now: dt.datetime) -> Account:
    """Set a new password of a signed-in account; every other session ends."""
    account = locks.lock(session, Account, account_id)
    _set_password(session, account, password_hash, now=now)
    return account


def _set_password(session: Session, account: Account, password_hash: str, *, now: dt.datetime) -> None:
    account.password_hash = password_hash
    account.stamp = ids.token(18)
    session.flush()
    mail.send(
        session,
        to=account.email,
        template="password_changed",
        context={"name": account.name},
        locale=account.locale,
        key=f"password:{account.id}:{account.stamp}",
        now=now,
    )


def close(session: Session, *, account_id: int) -> None:
    """Forget an account for good: nobody can sign in with it, and its address is free again."""
    account = session.get(Account, account_id)
    if account is not None:
        session.delete(account)
        session.flush()


def start_email_change(
    session: Session, *, account_id: int, email: str, secret: Secret, site_url: str, now: dt.datetime
) -> None:
    """Mail a link to a new address; nothing changes until it is followed.

    Raises:
        Invalid: on ``email``.
    """
    account = locks.lock(session, Account, account_id)
    address = clean_email(email)
    if by_email(session, address) is not None:
        raise Invalid(N_("There is an account with this address already."), field="email")
    send_verification(session, account=account, secret=secret, site_url=site_url, now=now, email=address)


def _read(secret: Secret, purpose: str, token: str, max_age: int) -> list[Any]:
    try:
        data: list[Any] = _serializer(secret, purpose).loads(token, max_age=max_age)
    except BadData:
        raise Conflict(N_("This link is broken or too old. Ask for a new one.")) from None
    return data


def _account_of(session: Session, data: list[Any]) -> Account:
    account = locks.lock(session, Account, int(data[0])) if session.info.get("qunclub_writing") else session.get(
        Account, int(data[0])
    )  # fmt: skip
    if account is None or account.stamp != data[1]:
        raise Conflict(N_("This link was used already, or the password changed since. Ask for a new one."))
    return account
