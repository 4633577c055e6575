"""Parts of the frame that pages use: forms, tables, money and dates, mail, limits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from wtforms import StringField
from wtforms.validators import InputRequired

from qunclub.adapters.mail import FolderMailer, SmtpMailer, make_mailer
from qunclub.config import load
from qunclub.kernel import Invalid
from qunclub.kernel.mail import MailMessage
from qunclub.web import Form, form_errors, i18n, mailing
from qunclub.web.exports import cell, csv_response
from qunclub.web.limits import TooMany, check, make_limiter
from qunclub.web.render import format_date, format_datetime, format_number, money
from qunclub.web.state import club
from tests.support.pages import text_of

MAIL = MailMessage(
    "lin@example.com", "主题", "正文\n", "mail:x/../y", dt.datetime(2026, 4, 15, 4, tzinfo=dt.UTC)
)


class Example(Form):
    name = StringField("Name", [InputRequired()])


@pytest.mark.parametrize(("language", "said"), [("zh", "该字段是必填字段"), ("en", "required")])
def test_forms_speak_the_visitors_language(app: Flask, language: str, said: str) -> None:
    with app.test_request_context(method="POST", data={}):
        i18n.override(language)
        form = Example()
        assert not form.validate_on_submit()
        assert said in " ".join(form.name.errors)


def refuse(field: str, most: int) -> None:
    raise Invalid("Use at most %(most)s characters.", field=field, most=most)


def test_a_refusal_lands_on_its_field(app: Flask) -> None:
    with app.test_request_context(method="POST", data={"name": "x"}):
        i18n.override("en")
        form = Example()
        for field, most in (("name", 3), ("elsewhere", 4)):
            with form_errors(form):
                refuse(field, most)
        assert form.name.errors == ["Use at most 3 characters."]
        assert form.form_errors == ["Use at most 4 characters."]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (5, "5"),
        (-5, "-5"),
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_cells_are_no_formulas(app: Flask, value: object, shown: str) -> None:
    with app.app_context():
        assert cell(value) == shown


def test_a_table_is_sent_while_it_is_read(app: Flask) -> None:
    read: list[int] = []

    def rows() -> object:
        for n in range(20_000):
            read.append(n)
            yield [n, '值,\n"x"']

    with app.test_request_context():
        answer = csv_response("t", ("n", "text"), rows())  # type: ignore[arg-type]  # an iterator of rows
        first = next(iter(answer.iter_encoded()))
        assert 0 < len(read) < 20_000
        assert first.decode().startswith('\ufeffn,text\r\n0,"值,\n""x"""\r\n')


def test_money_and_dates_by_language(app: Flask) -> None:
    stamp = dt.datetime(2026, 4, 14, 16, 30, tzinfo=dt.UTC)
    with app.app_context():
        i18n.override("zh")
        assert money(19_900, "CNY") == "¥199.00"
        assert format_date(stamp) == "2026年4月15日", "in the club's time zone it is the next day"
        assert format_datetime(stamp).endswith("00:30")
        assert format_number(12345) == "12,345"
        i18n.override("en")
        assert "199.00" in money(19_900, "CNY")
        assert money(500, "JPY") == "¥500"
        assert format_date(stamp) == "Apr 15, 2026"
        assert format_date(None) == "" == format_datetime(None)


def test_texts_and_plurals(app: Flask) -> None:
    with app.app_context():
        i18n.override("zh")
        assert i18n._("Members") == "会员"
        assert i18n._n("%(num)s left", "%(num)s left", 3) == "剩 3 张"
        assert str(i18n._l("Members")) == "会员"
        assert i18n._("not translated %(x)s", x=1) == "not translated 1"
        assert i18n._("") == ""
        i18n.override("en")
        assert i18n._("Members") == "Members"
        i18n.override("tlh")
        assert i18n.locale() == "zh"


# ---- mail ----


@pytest.mark.parametrize(("language", "said"), [("zh", "请确认你在"), ("en", "Confirm your e-mail address")])
def test_a_mail_is_written_for_its_reader(app: Flask, language: str, said: str) -> None:
    payload = {
        "to": "lin@example.com", "template": "verify", "locale": language,
        "context": {"name": "<林>", "link": "https://club.example.com/x?a=1&b=2"},
    }  # fmt: skip
    with app.app_context():
        mailing.deliver(club(), payload, "mail:x")
        (mail,) = club().mailer.messages()  # type: ignore[attr-defined]  # the folder mailer
    assert said in mail["subject"]
    assert "<林>" in mail["body"] and "a=1&b=2" in mail["body"], "plain text is not escaped"


def test_the_folder_keeps_one_file_a_key(tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    mailer = FolderMailer(tmp_path / "mail")
    assert mailer.messages() == []
    mailer.send(MAIL)
    mailer.send(MAIL)
    (kept,) = mailer.messages()
    assert (kept["subject"], kept["body"], kept["id"]) == ("主题", "正文\n", "mail-x----y")
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "mail"]


def test_where_mail_goes_is_a_setting() -> None:
    assert isinstance(make_mailer(load({})), FolderMailer)
    smtp = make_mailer(load({"QUNCLUB_MAIL_URL": "smtps://me%40x:p%3Aw@mail.example.com"}))
    assert isinstance(smtp, SmtpMailer)
    assert (smtp.tls, smtp.host, smtp.port, smtp.user, smtp.password) == (
        True, "mail.example.com", 465, "me@x", "p:w",
    )  # fmt: skip
    plain = make_mailer(load({"QUNCLUB_MAIL_URL": "smtp://mail.example.com"}))
    assert isinstance(plain, SmtpMailer) and (plain.tls, plain.port) == (False, 587)


# ---- limits ----


def test_limits_count_by_name_and_key(make_app: Callable[..., Flask]) -> None:
    from limits import parse

    rule = parse("2 per minute")
    with make_app(QUNCLUB_RATE_LIMITS="yes").app_context():
        for key in ("a", "b"):
            check(rule, "door", key)
            check(rule, "door", key)
        with pytest.raises(TooMany):
            check(rule, "door", "a")
        check(rule, "window", "a")
    with make_app(QUNCLUB_RATE_LIMITS="yes").app_context():
        check(rule, "door", "a")


def test_several_machines_share_their_counts(make_app: Callable[..., Flask], valkey_url: str) -> None:
    from limits import parse

    rule = parse("1 per minute")
    apps = [make_app(QUNCLUB_RATE_LIMITS="yes", QUNCLUB_REDIS_URL=valkey_url) for _ in range(2)]
    with apps[0].app_context():
        check(rule, "door", "a")
    with apps[1].app_context(), pytest.raises(TooMany):
        check(rule, "door", "a")
    assert make_limiter("").hit(rule, "door", "a")


# ---- development mail ----


def test_the_outbox_page_shows_mails_with_links(app: Flask) -> None:
    client = app.test_client()
    assert "qc-empty" in text_of(client.get("/outbox"))
    with app.app_context():
        club().mailer.send(
            MailMessage("a@example.com", "S", "See https://club.test/x?a=1&b=2 now\n<b>", "k", MAIL.sent_at)
        )
    page = text_of(client.get("/outbox"))
    assert 'href="https://club.test/x?a=1&amp;b=2"' in page
    assert "<b>" not in page and "a@example.com" in page


def test_no_outbox_page_where_mail_is_sent(make_app: Callable[..., Flask]) -> None:
    client = make_app(QUNCLUB_MAIL_URL="smtp://localhost").test_client()
    assert client.get("/outbox").status_code == 404
    assert "/outbox" not in text_of(client.get("/"))
