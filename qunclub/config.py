"""Every setting of the club: its type, its default and one line of help.

Settings come from the environment (``QUNCLUB_*`` and ``PORT``); a host app may set the same names in
``app.config``, which wins. A wrong value stops the start with a sentence.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from qunclub.kernel.engine import normalise_url
from qunclub.kernel.keys import Keys


class ConfigError(Exception):
    """A setting that cannot be used; the message names it and the way out."""


def setting(default: Any, help_line: str, *, env: str = "", choices: tuple[str, ...] = ()) -> Any:
    """A dataclass field that is a setting; *env* only where the name is not ``QUNCLUB_<NAME>``."""
    return field(default=default, metadata={"help": help_line, "env": env, "choices": choices})


@dataclass(frozen=True)
class Settings:
    """The settings, read and checked once at the start."""

    instance: str = setting("instance", "Folder for database, files, keys and development mail.")
    env: str = setting(
        "development",
        "development or production; production requires a secret key and secure cookies.",
        choices=("development", "production"),
    )
    database_url: str = setting("", "Any SQLAlchemy URL; empty means SQLite in the instance folder.")
    secret_key: str = setting("", "Signs sessions, tickets and mailed links; made and kept in development.")
    secret_key_previous: tuple[str, ...] = setting(
        (),
        "Earlier secret keys, comma separated, whose signatures are still accepted during a change of the key.",
    )
    port: int = setting(8000, "Port of the web server.", env="PORT")
    bind: str = setting("127.0.0.1", "Address the web server listens on.")
    threads: int = setting(4, "Threads of each web process; more than two a core only wait for each other.")
    workers: int = setting(1, "Web processes.")
    public_url: str = setting(
        "",
        "Address of the site, without the club's own prefix; empty means http://<bind>:<port>, "
        "and in a host app where it was asked.",
    )
    club_name: str = setting("群俱乐部", "Name of the club on every page.")
    timezone: str = setting(
        "Asia/Shanghai", "The club's time zone: times on pages, days of the ranking's windows."
    )
    currency: str = setting("CNY", "Currency offered for new plans.")
    default_locale: str = setting("zh", "Language when the visitor's is unknown.", choices=("zh", "en"))
    base_template: str = setting("qunclub/base.html", "Template that every page of the club extends.")
    stripe_key: str = setting("", "Stripe secret key; empty means the local pay sandbox.")
    stripe_webhook_secrets: tuple[str, ...] = setting(
        (), "Webhook signing secrets, comma separated; several during a rotation."
    )
    stripe_methods: tuple[str, ...] = setting(
        ("card", "alipay", "wechat_pay"), "Payment methods offered at checkout, comma separated."
    )
    sandbox_port: int = setting(0, "Port of the pay sandbox; 0 means the web port plus one.")
    sandbox_public_url: str = setting(
        "",
        "Where browsers reach the pay sandbox when not at http://127.0.0.1:<its port>; "
        "with it the sandbox listens on QUNCLUB_BIND.",
    )
    order_hold_minutes: int = setting(
        35, "How long an unpaid order holds its stock; Stripe needs 30 or more."
    )
    mail_url: str = setting(
        "", "smtp://user:password@host:587 or smtps://…; empty keeps mail in the local outbox."
    )
    mail_from: str = setting("club@localhost", "Sender of the club's mail.")
    files_url: str = setting(
        "", "Folder or s3://bucket/prefix for uploads; empty means files/ in the instance folder."
    )
    redis_url: str = setting(
        "", "Redis or Valkey for rate limits and job wake-ups when several machines share the work."
    )
    upload_max_bytes: int = setting(10_000_000, "Largest single file of a submission, in bytes.")
    media_max_bytes: int = setting(100_000_000, "Largest single file of a course (film, sound), in bytes.")
    upload_max_files: int = setting(6, "Most files of one attempt.")
    clamd: str = setting(
        "",
        "Where clamd listens, host:port or unix:/path; with it files that are sent in are scanned for viruses.",
    )
    telegram_token: str = setting(
        "",
        "Token of the club's Telegram bot, from @BotFather; empty means no bot. Never kept in the database.",
    )
    telegram_api: str = setting(
        "https://api.telegram.org", "Address of the Bot API: Telegram's, or a Bot API server of your own."
    )
    telegram_updates: str = setting(
        "webhook",
        "How the bot hears of things: webhook (Telegram calls the club, at once) or poll (the club asks every minute).",
        choices=("webhook", "poll"),
    )
    review_lease_minutes: int = setting(45, "How long a claimed submission stays with its reviewer.")
    appeal_tokens: int = setting(
        3, "How many appeals against reviews a member has a season (a calendar year without one); 0: none."
    )
    appeal_days: int = setting(14, "How many days after a review its author may appeal.")
    rate_limits: bool = setting(True, "Whether sign-in, sign-up, checkout and ticket check are rate limited.")
    proxies: int = setting(0, "How many trusted proxies stand in front (X-Forwarded-*).")
    log_format: str = setting("text", "text or json.", choices=("text", "json"))
    log_level: str = setting("INFO", "Log level.", choices=("DEBUG", "INFO", "WARNING", "ERROR"))

    @property
    def instance_path(self) -> Path:
        """The instance folder, absolute."""
        return Path(self.instance).resolve()

    @property
    def production(self) -> bool:
        """Whether this is the real thing."""
        return self.env == "production"

    @property
    def site_url(self) -> str:
        """The club's public address without a trailing slash."""
        return (self.public_url or f"http://{self.bind}:{self.port}").rstrip("/")

    @property
    def zone(self) -> ZoneInfo:
        """The club's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def sandbox(self) -> bool:
        """Whether payments go to the local sandbox."""
        return not self.stripe_key

    @property
    def sandbox_url(self) -> str:
        """Where the club reaches the local sandbox."""
        return f"http://127.0.0.1:{self.sandbox_port or self.port + 1}"

    @property
    def sandbox_pay_url(self) -> str:
        """Where buyers' browsers reach the local sandbox."""
        return (self.sandbox_public_url or self.sandbox_url).rstrip("/")


def env_name(name: str, metadata: Mapping[str, Any]) -> str:
    """The environment variable of a setting."""
    return str(metadata.get("env")) if metadata.get("env") else "QUNCLUB_" + name.upper()


def load(*sources: Mapping[str, Any]) -> Settings:
    """Read the settings from *sources*, the first that names one wins (default: the environment).

    Raises:
        ConfigError: when a value has the wrong type, or production lacks what it needs.
    """
    looked = sources or (os.environ,)
    values: dict[str, Any] = {}
    known = {env_name(f.name, f.metadata) for f in fields(Settings)}
    for f in fields(Settings):
        key = env_name(f.name, f.metadata)
        raw = next((source[key] for source in looked if source.get(key) not in (None, "")), None)
        if raw is not None:
            values[f.name] = _convert(key, raw, f.default, f.metadata["choices"])
    for source in looked:
        unknown = sorted(k for k in source if str(k).startswith("QUNCLUB_") and k not in known)
        if unknown:
            raise ConfigError(
                f"{unknown[0]} is not a setting of the club; see docs/settings.md for the list."
            )
    settings = Settings(**values)
    _check(settings)
    return settings


def _convert(key: str, raw: Any, default: Any, choices: tuple[str, ...]) -> Any:
    if isinstance(default, bool):
        text = str(raw).lower()
        if text not in ("1", "0", "true", "false", "yes", "no", "on", "off"):
            raise ConfigError(f"{key} must be true or false, not {raw!r}.")
        return text in ("1", "true", "yes", "on")
    if isinstance(default, int):
        try:
            number = int(str(raw))
        except ValueError:
            raise ConfigError(f"{key} must be a whole number, not {raw!r}.") from None
        if number < 0:
            raise ConfigError(f"{key} must not be negative, but is {number}.")
        return number
    if isinstance(default, tuple):
        parts = raw if isinstance(raw, list | tuple) else str(raw).split(",")
        return tuple(str(part).strip() for part in parts if str(part).strip())
    text = str(raw)
    if choices and text not in choices:
        raise ConfigError(f"{key} must be one of {', '.join(choices)}, not {text!r}.")
    return text


def _check(settings: Settings) -> None:
    try:
        settings.zone  # noqa: B018 - looked up for its error
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"QUNCLUB_TIMEZONE {settings.timezone!r} is not a time zone, such as Asia/Shanghai."
        ) from None
    if settings.database_url:
        try:
            make_url(settings.database_url)
        except ArgumentError:
            raise ConfigError(
                "QUNCLUB_DATABASE_URL is not an SQLAlchemy URL, such as postgresql://host/club."
            ) from None
    where, _, port = settings.clamd.rpartition(":")
    if settings.clamd and not settings.clamd.startswith("unix:/") and not (where and port.isdigit()):
        raise ConfigError(f"QUNCLUB_CLAMD must be host:port or unix:/path, not {settings.clamd!r}.")
    if settings.telegram_token and not re.fullmatch(
        r"\d{3,20}:[A-Za-z0-9_-]{20,80}", settings.telegram_token
    ):
        raise ConfigError(
            "QUNCLUB_TELEGRAM_TOKEN is not a bot's token, such as 123456789:AAF… from @BotFather."
        )
    if settings.order_hold_minutes < 31:
        raise ConfigError(
            "QUNCLUB_ORDER_HOLD_MINUTES must be 31 or more: Stripe keeps a checkout open for 30."
        )
    if not 1 <= settings.port <= 65535:
        raise ConfigError(f"PORT must be between 1 and 65535, not {settings.port}.")
    for name, address in (
        ("PUBLIC_URL", settings.public_url),
        ("SANDBOX_PUBLIC_URL", settings.sandbox_public_url),
        ("TELEGRAM_API", settings.telegram_api),
    ):
        if address and not address.startswith(("http://", "https://")):
            raise ConfigError(f"QUNCLUB_{name} must begin with http:// or https://.")
    if settings.production:
        if len(settings.secret_key) < 32:
            raise ConfigError("QUNCLUB_SECRET_KEY of 32 characters or more is required in production.")
        if not settings.public_url.startswith("https://"):
            raise ConfigError("QUNCLUB_PUBLIC_URL must be the https:// address of the club in production.")
        if settings.stripe_key and not settings.stripe_webhook_secrets:
            raise ConfigError("QUNCLUB_STRIPE_WEBHOOK_SECRETS is required with a Stripe key in production.")


def database_url(settings: Settings) -> str:
    """The SQLAlchemy URL to use, with the psycopg driver named and the instance folder filled in."""
    if settings.database_url:
        return normalise_url(settings.database_url)
    return f"sqlite:///{settings.instance_path / 'club.db'}"


def kept_secret(settings: Settings, name: str) -> str:
    """A random secret kept in the instance folder under *name*, made the first time (mode 600)."""
    path = settings.instance_path / f"{name}.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as handle:
        value = secrets.token_urlsafe(48)
        handle.write(value)
    return value


def keys(settings: Settings) -> Keys:
    """The signing key with the earlier ones that are still accepted."""
    return Keys(secret_key(settings), settings.secret_key_previous)


def secret_key(settings: Settings) -> str:
    """The signing key: the setting, or in development one made and kept in the instance folder."""
    return settings.secret_key or kept_secret(settings, "secret")
