"""Settings: read once, typed, and a wrong one stops the start with a sentence."""

from __future__ import annotations

import stat
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from qunclub import config
from qunclub.config import ConfigError, Settings, env_name, load

PRODUCTION = {
    "QUNCLUB_ENV": "production",
    "QUNCLUB_SECRET_KEY": "x" * 40,
    "QUNCLUB_PUBLIC_URL": "https://club.example.com",
}


def test_the_defaults_are_good_for_a_first_look() -> None:
    settings = load({})
    assert (settings.port, settings.default_locale, settings.currency) == (8000, "zh", "CNY")
    assert not settings.production and settings.sandbox
    assert settings.site_url == "http://127.0.0.1:8000"
    assert settings.sandbox_url == settings.sandbox_pay_url == "http://127.0.0.1:8001"
    elsewhere = load({"QUNCLUB_SANDBOX_PUBLIC_URL": "http://192.168.1.20:8001/"})
    assert elsewhere.sandbox_url == "http://127.0.0.1:8001"
    assert elsewhere.sandbox_pay_url == "http://192.168.1.20:8001"


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_has_a_help_line(field: Field[Any]) -> None:
    assert field.metadata["help"].endswith(".") and len(field.metadata["help"]) >= 10


def test_values_have_their_types() -> None:
    settings = load(
        {
            "PORT": "9000",
            "QUNCLUB_THREADS": "3",
            "QUNCLUB_RATE_LIMITS": "off",
            "QUNCLUB_STRIPE_METHODS": "card, alipay,",
            "QUNCLUB_PUBLIC_URL": "https://club.example.com/",
        }
    )
    assert (settings.port, settings.threads, settings.rate_limits) == (9000, 3, False)
    assert settings.stripe_methods == ("card", "alipay")
    assert settings.site_url == "https://club.example.com"


def test_the_first_source_wins_and_empty_means_unset() -> None:
    settings = load({"QUNCLUB_CLUB_NAME": "A", "QUNCLUB_CURRENCY": ""}, {"QUNCLUB_CLUB_NAME": "B"})
    assert (settings.club_name, settings.currency) == ("A", "CNY")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"QUNCLUB_SANDBOX_PUBLIC_URL": "192.168.1.20"}, "QUNCLUB_SANDBOX_PUBLIC_URL must begin with http"),
        ({"PORT": "eighty"}, "PORT must be a whole number"),
        ({"PORT": "-1"}, "PORT must not be negative"),
        ({"PORT": "70000"}, "PORT must be between"),
        ({"QUNCLUB_THREADS": "2.5"}, "QUNCLUB_THREADS must be a whole number"),
        ({"QUNCLUB_RATE_LIMITS": "maybe"}, "QUNCLUB_RATE_LIMITS must be true or false"),
        ({"QUNCLUB_ENV": "staging"}, "QUNCLUB_ENV must be one of development, production"),
        ({"QUNCLUB_LOG_FORMAT": "xml"}, "QUNCLUB_LOG_FORMAT must be one of"),
        ({"QUNCLUB_LOG_LEVEL": "LOUD"}, "QUNCLUB_LOG_LEVEL must be one of"),
        ({"QUNCLUB_DEFAULT_LOCALE": "zh-CN"}, "QUNCLUB_DEFAULT_LOCALE must be one of zh, en"),
        ({"QUNCLUB_TIMEZONE": "Mars/Olympus"}, "is not a time zone"),
        ({"QUNCLUB_TIMEZONE": "../etc/passwd"}, "is not a time zone"),
        ({"QUNCLUB_DATABASE_URL": "not a url"}, "is not an SQLAlchemy URL"),
        ({"QUNCLUB_ORDER_HOLD_MINUTES": "30"}, "must be 31 or more"),
        ({"QUNCLUB_PUBLIC_URL": "club.example.com"}, "must begin with http"),
        ({"QUNCLUB_PUBLIC_ULR": "x"}, "QUNCLUB_PUBLIC_ULR is not a setting"),
        ({**PRODUCTION, "QUNCLUB_SECRET_KEY": "short"}, "QUNCLUB_SECRET_KEY of 32 characters"),
        ({**PRODUCTION, "QUNCLUB_SECRET_KEY": ""}, "QUNCLUB_SECRET_KEY of 32 characters"),
        ({**PRODUCTION, "QUNCLUB_PUBLIC_URL": "http://club.example.com"}, "must be the https:// address"),
        ({**PRODUCTION, "QUNCLUB_STRIPE_KEY": "sk_live_x"}, "QUNCLUB_STRIPE_WEBHOOK_SECRETS is required"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(values: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(values)
    said = str(caught.value)
    assert sentence in said
    assert said.endswith(".") and "\n" not in said


def test_a_secret_is_never_repeated_in_the_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        load({**PRODUCTION, "QUNCLUB_SECRET_KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_production_with_all_it_needs_starts() -> None:
    settings = load(PRODUCTION)
    assert settings.production
    assert config.secret_key(settings) == "x" * 40


def test_a_development_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = load({"QUNCLUB_INSTANCE": str(tmp_path / "new")})
    first = config.secret_key(settings)
    assert len(first) >= 32
    assert config.secret_key(settings) == first
    mode = (tmp_path / "new" / "secret.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_two_clubs_have_two_secrets(tmp_path: Path) -> None:
    a, b = (load({"QUNCLUB_INSTANCE": str(tmp_path / name)}) for name in "ab")
    assert config.secret_key(a) != config.secret_key(b)


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("postgresql://u:p@h/club", "postgresql+psycopg://u:p@h/club"),
        ("postgres://h/club", "postgresql+psycopg://h/club"),
        ("postgresql+psycopg://h/club", "postgresql+psycopg://h/club"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ],
)
def test_database_urls(url: str, used: str) -> None:
    assert config.database_url(load({"QUNCLUB_DATABASE_URL": url})) == used


def test_the_default_database_lives_in_the_instance_folder(tmp_path: Path) -> None:
    settings = load({"QUNCLUB_INSTANCE": str(tmp_path)})
    assert config.database_url(settings) == f"sqlite:///{tmp_path.resolve() / 'club.db'}"


def test_names_of_the_environment() -> None:
    names = {env_name(field.name, field.metadata) for field in fields(Settings)}
    assert "PORT" in names and "QUNCLUB_DATABASE_URL" in names
    assert all(name == "PORT" or name.startswith("QUNCLUB_") for name in names)
