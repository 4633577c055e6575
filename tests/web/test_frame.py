"""The frame of every page: health, language, errors, headers, ids, navigation."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from qunclub.web import headers, nav
from qunclub.web.render import safe_next
from tests.factories import Make
from tests.support.databases import Db
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

OPEN = ["/", "/passes", "/courses", "/showcase", "/groups", "/account/sign-in", "/nowhere"]


# ---- health ----


def test_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {"status": "ready"}


def test_not_ready_without_the_tables(client: FlaskClient, site_db: Db) -> None:
    with site_db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM qunclub_alembic_version")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()) == (503, {"status": "migrations pending"})
    assert client.get("/healthz").status_code == 200


def test_alive_asks_the_database_nothing(client: FlaskClient, site_db: Db) -> None:
    with count_statements(site_db.engine) as seen:
        client.get("/healthz")
    assert seen.count == 0, seen


# ---- headers ----


@pytest.mark.parametrize("path", [*OPEN, "/healthz", "/assets/css/tokens.css", "/vendor/htmx/htmx.min.js"])
def test_every_answer_is_armoured(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "style-src 'self';" in policy
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy and "object-src 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Request-ID"]
    if answer.mimetype == "text/html":
        assert "no-store" in answer.headers["Cache-Control"]
        assert "Cookie" in answer.headers["Vary"]


PRODUCTION = {
    "QUNCLUB_ENV": "production",
    "QUNCLUB_SECRET_KEY": "x" * 40,
    "QUNCLUB_PUBLIC_URL": "https://club.example.com",
    "QUNCLUB_MAIL_URL": "smtp://localhost",
}


@pytest.mark.parametrize(("settings", "kept"), [(PRODUCTION, True), ({}, False)])
def test_a_browser_keeps_files_by_their_version(
    make_app: Callable[..., Flask], settings: dict[str, str], kept: bool
) -> None:
    client = make_app(**settings).test_client()
    links = re.findall(r'"(/(?:assets|vendor)/[^"]+\?v=\w+)"', text_of(client.get("/courses")))
    assert len(links) == 8
    for link in links:
        with client.get(link) as answer:
            assert answer.status_code == 200
            # Who works on the club's own files sees each change at once.
            year = kept or link.startswith("/vendor/")
            assert ("max-age=31536000" in answer.headers["Cache-Control"]) == year
        with client.get(link.partition("?")[0]) as answer:
            assert "max-age" not in answer.headers["Cache-Control"]


def test_production_asks_for_https_only(make_app: Callable[..., Flask]) -> None:
    app = make_app(
        QUNCLUB_ENV="production",
        QUNCLUB_SECRET_KEY="x" * 40,
        QUNCLUB_PUBLIC_URL="https://club.example.com",
        QUNCLUB_MAIL_URL="smtp://localhost",
    )
    client = app.test_client()
    answer = client.get("/account/sign-in")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    cookie = next(value for key, value in answer.headers if key == "Set-Cookie")
    assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert client.get("/outbox").status_code == 404, "development mail is not for production"


def test_nothing_of_the_page_is_inline(client: FlaskClient) -> None:
    for path in OPEN:
        page = text_of(client.get(path))
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style\b|\sstyle=|\son[a-z]+=", page), path


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("12345678", True), ("a-b-c-d-e-f", True), ("short", False), ("x" * 65, False), ("<script>aaaa", False)],
)
def test_a_request_has_one_sane_id(client: FlaskClient, sent: str, kept: bool) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": sent})
    assert (answer.headers["X-Request-ID"] == sent) is kept


def test_log_lines_are_json_with_the_request_id(app: Flask) -> None:
    record = logging.LogRecord("qunclub.x", logging.INFO, "", 0, "it happened", (), None)
    record.facts = {"order": "群"}
    with app.app_context():
        from flask import g

        g.qunclub_request_id = "ABC"
        line = json.loads(headers.Formatter("json").format(record))
        text = headers.Formatter("text").format(record)
    assert line["event"] == "it happened" and line["order"] == "群" and line["request_id"] == "ABC"
    assert "request_id=ABC" in text and "\n" not in text
    outside = json.loads(headers.Formatter("json").format(record))
    assert "request_id" not in outside


# ---- language ----


@pytest.mark.parametrize(
    ("accept", "lang"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-TW", "zh-Hans"),
        ("en-GB,en", "en"),
        ("fr", "zh-Hans"),
        ("", "zh-Hans"),
        ("en;q=0.2, zh;q=0.9", "zh-Hans"),
        ("*", "zh-Hans"),
    ],
)
def test_the_browsers_language(client: FlaskClient, accept: str, lang: str) -> None:
    assert f'<html lang="{lang}"' in text_of(client.get("/", headers={"Accept-Language": accept}))


def test_the_switch_is_remembered_and_comes_back(client: FlaskClient) -> None:
    page = text_of(client.get("/account/sign-in?next=/passes", headers={"Accept-Language": "zh"}))
    link = re.search(r'href="(/language/en[^"]*)"', page)
    assert link is not None
    answer = client.get(link.group(1).replace("&amp;", "&"))
    assert answer.location == "/account/sign-in?next=/passes"
    assert '<html lang="en"' in text_of(client.get("/", headers={"Accept-Language": "zh"}))


def test_the_switch_is_kept_for_the_member(client: FlaskClient, make: Make) -> None:
    account = make.account()
    sign_in(client, account)
    client.get("/language/en")
    elsewhere = sign_in(client.application.test_client(), account)
    assert '<html lang="en"' in text_of(elsewhere.get("/", headers={"Accept-Language": "zh"}))


@pytest.mark.parametrize("code", ["fr", "zh_Hans_CN", "..", "<b>"])
def test_an_unknown_language_changes_nothing(client: FlaskClient, code: str) -> None:
    in_language(client, "en")
    client.get(f"/language/{code}")
    assert '<html lang="en"' in text_of(client.get("/"))


# ---- errors ----


@pytest.mark.parametrize(("language", "said"), [("zh", "这里什么也没有"), ("en", "Nothing here")])
def test_a_page_that_is_not_there(client: FlaskClient, language: str, said: str) -> None:
    answer = in_language(client, language).get("/no/such/page")
    assert answer.status_code == 404
    page = text_of(answer)
    assert said in page
    assert answer.headers["X-Request-ID"] in page


def test_the_wrong_method(client: FlaskClient) -> None:
    answer = in_language(client, "en").get("/account/sign-out")
    assert answer.status_code == 405 and "That cannot be done here" in text_of(answer)


def test_an_id_beyond_all_ids_is_not_there(client: FlaskClient, make: Make) -> None:
    sign_in(client, make.account(number=True))
    for path in (f"/members/{10**30}", f"/homework/{10**30}", f"/courses?page={10**30}"):
        assert client.get(path).status_code in (200, 404), path


def test_a_crash_shows_no_trace(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    from qunclub.home import queries

    def broken(*_args: object, **_values: object) -> None:
        raise RuntimeError("secret detail")

    app = make_app()
    monkeypatch.setattr(queries, "front", broken)
    client = app.test_client()
    answer = in_language(client, "en").get("/")
    page = text_of(answer)
    assert answer.status_code == 500
    assert "Something broke on our side" in page
    assert "secret detail" not in page and "Traceback" not in page
    assert answer.headers["X-Request-ID"] in page


def test_htmx_gets_a_fragment(client: FlaskClient) -> None:
    answer = client.get("/members/0", headers={"HX-Request": "true"})
    assert answer.status_code == 303
    answer = client.get("/no/such/page", headers={"HX-Request": "true"})
    assert answer.status_code == 404 and "<html" not in text_of(answer)


def test_too_large_a_body_is_said_so(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    app.config["MAX_CONTENT_LENGTH"] = 2000
    client = in_language(app.test_client(), "en")
    answer = post(client, "/account/forgot", {"email": "x" * 5000})
    assert answer.status_code == 413 and "Send smaller files." in text_of(answer)


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("/", True),
        ("/passes?x=1#y", True),
        ("/a//b", True),
        ("//evil.example", False),
        ("///evil.example", False),
        ("/\\evil.example", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
        ("passes", False),
        ("/a\nb", False),
        ("http://[", False),
        (None, False),
    ],
)
def test_where_one_may_be_sent(target: str | None, safe: bool) -> None:
    assert (safe_next(target, "/fallback") == target) is safe


# ---- navigation ----


def test_the_navigation_shows_what_one_may_follow(client: FlaskClient, make: Make) -> None:
    page = text_of(client.get("/"))
    assert 'href="/passes"' in page and 'href="/desk"' not in page and 'href="/admin/' not in page
    sign_in(client, make.account(roles=("instructor",)))
    page = text_of(client.get("/"))
    assert 'href="/desk"' in page and 'href="/admin/"' not in page
    sign_in(client, make.account(roles=("admin",)))
    page = text_of(client.get("/"))
    assert 'href="/desk"' in page and 'href="/admin/"' in page


def test_only_one_entry_is_where_one_is(client: FlaskClient, make: Make) -> None:
    sign_in(client, make.account(roles=("admin",)))
    for path in ("/admin/", "/admin/audit", "/admin/doctor", "/admin/people/numbers"):
        page = text_of(client.get(path))
        rail = page.split('class="qc-rail"')[1].split("</nav>")[0]
        assert rail.count('aria-current="page"') == 1, path
        assert re.search(rf'href="{path.removesuffix("/numbers")}" aria-current="page"', rail), path


def test_every_entry_leads_somewhere(client: FlaskClient, make: Make, app: Flask) -> None:
    sign_in(client, make.account(roles=("admin",), number=True))
    with app.test_request_context():
        urls = [url_for(item.endpoint) for item in nav._items.values()]
    assert len(urls) > 12
    for url in urls:
        assert client.get(url).status_code == 200, url


def test_entries_stand_in_menus_and_one_left_alone_by_itself(app: Flask) -> None:
    def item(url: str, menu: str = "", active: bool = False) -> nav.ShownItem:
        return nav.ShownItem(url.upper(), url, "x", active, False, menu=menu)

    with app.test_request_context():
        found = nav.menus(
            [
                item("a"),
                item("b", "works"),
                item("c", "season"),
                item("d", "works", True),
                item("e", "strange"),
            ]
        )
    assert [(one.label, [x.url for x in one.entries], one.active) for one in found] == [
        ("", ["a"], False), ("作品", ["b", "d"], True), ("", ["c"], False), ("", ["e"], False),
    ]  # fmt: skip


def test_the_menu_of_the_page_says_where_one_is(client: FlaskClient, make: Make) -> None:
    sign_in(client, make.account(number=True))
    page = text_of(client.get("/ranking"))
    top = page.split('class="qc-nav"')[1].split("</nav>")[0]
    assert top.count('aria-current="page"') == 1 and top.count('<summary aria-current="true">') == 1
    assert 'href="/ranking" aria-current="page"' in top and top.count("<details") == 3
    sheet = page.split('class="qc-bottom__sheet"')[1].split("</nav>")[0]
    assert re.findall(r'qc-bottom__head">([^<]+)<', sheet) == ["作品", "社群", "赛季与核心"]
    # Every entry is in both.
    assert set(re.findall(r'href="([^"]+)"', sheet)) < set(re.findall(r'href="([^"]+)"', top))


def test_the_club_has_a_home_for_its_logo(client: FlaskClient) -> None:
    page = text_of(client.get("/passes"))
    assert re.search(r'class="qc-brand" href="/"', page)
