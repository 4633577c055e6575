"""The main job inside two hosts, from the installed wheel, over HTTP, with the host's own way in."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import create_engine, text

from qunclub.kernel import clock
from tests.plugin.conftest import ROOT, Host, till_for
from tests.plugin.visitor import Page, Visitor
from tests.support.sandbox import CARD, LiveSandbox, wait_until

PAID = "checkout.session.completed"


def buy(lin: Visitor, till: LiveSandbox) -> Page:
    """From the catalogue to the welcome page, by way of the hosted pay page."""
    shelf = lin.open("/club/passes")
    offer = lin.open(shelf.link("/club/passes/full"))
    order = lin.open(offer.link("/club/passes/full/order"))
    pay_page = lin.send(order.form("/club/passes/full/order"))
    assert pay_page.url.startswith(till.url), "the buyer is not on the pay page"
    card = next(one for one in pay_page.forms if ("method", "card") in one.buttons)
    welcome = lin.send(card, press="card", number=CARD["number"], expiry=CARD["expiry"], cvc=CARD["cvc"])
    assert any(re.search(r"/club/checkout/\w+/return", step) for step in lin.steps), lin.steps
    return welcome


def enter(lin: Visitor, welcome: Page, zhou: Visitor) -> None:
    """Covenant, name, ticket, and once through the group's door."""
    assert re.fullmatch(r"/club/welcome/\d+", welcome.path)
    assert "No." in welcome.text and ">1<" in re.sub(r"\s+", "", welcome.text)
    covenant = welcome.form("/covenant")
    named = lin.send(lin.send(covenant).form("/name"), nickname="Linlin", city="Wuhan")
    ticket = lin.open(named.link("/club/me/ticket"))
    code = re.search(r"\b[0-9A-Z]{4} [0-9A-Z]{4} [0-9A-Z]{4}\b", ticket.text)
    assert code is not None, ticket.text
    picture = next(one for one in ticket.sources if one.endswith(".svg") and "/ticket/" in one)
    assert lin.open(picture).headers["content-type"].startswith("image/svg+xml")
    door = zhou.open("/club/door")
    seen = zhou.send(door.form("/club/door"), code=code[0])
    assert "/club/t/" in seen.url
    again = zhou.send(seen.forms[-1])
    assert "Admitted" in again.text
    assert "Already used" in zhou.open(seen.url).text


def learn(lin: Visitor) -> None:
    """A lesson, and homework with a file."""
    lesson = lin.open("/club/courses/slides/one")
    lin.send(lesson.form("/club/courses/slides/one/done"))
    work = lin.open(lin.open("/club/courses/slides").link("/club/homework/"))
    done = lin.send(
        work.form(work.path),
        files={"files": ("page.txt", b"one page")},
        body_md="My **one** page.",
    )
    assert "waiting for its review" in done.text


def review(wang: Visitor) -> None:
    """On the desk, by somebody whose role the host gave."""
    desk = wang.open("/club/desk")
    held = wang.send(desk.form("/club/desk/next"))
    judge = next(one for one in held.forms if any(name == "version" for name, _ in one.fields))
    scores: dict[str, Any] = {name: "10" for name, _ in judge.fields if name.startswith("score-")}
    assert scores
    wang.send(judge, verdict="feature", comment_md="Clear and **short**.", **scores)


def run_a_season(zhou: Visitor, host: Host) -> None:
    """Draft, open, look, freeze, publish; the host's clock is moved past its end."""
    here = clock.utcnow() + dt.timedelta(hours=8)
    draft = zhou.open("/club/admin/seasons/new").form("/club/admin/seasons/new")
    season = zhou.send(
        draft,
        name="The first season",
        slug="first",
        starts_at=(here - dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"),
        ends_at=(here + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"),
        seats="3",
        eliminate="1",
        protection="1",
        min_points="1",
    )
    zhou.send(season.form("/open"))
    (host.folder / "clock-ahead").write_text(str(2 * 86_400))
    preview = zhou.open(season.url)
    assert "Linlin" in preview.text
    frozen = zhou.send(preview.form("/freeze"))
    published = zhou.send(frozen.form("/publish"))
    assert "1 rose" in published.text
    zhou.send(published.form("/close"))


def heard(host: Host) -> dict[str, set[str]]:
    """The signals that reached the host, in their order, with the names of their facts."""
    if host.name == "bare":
        lines = (host.folder / "instance" / "heard.jsonl").read_text().splitlines()
        return {one["signal"]: set(one["facts"]) for one in map(json.loads, lines)}
    engine = create_engine(host.env["HOST_DATABASE_URL"])
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT signal, facts FROM heard ORDER BY id")).all()
    engine.dispose()
    return {signal: set(json.loads(facts)) for signal, facts in rows}


def documented() -> dict[str, set[str]]:
    """The signals of docs/plugin.md with the names of their facts."""
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \| (`.+`) \|$", (ROOT / "docs" / "plugin.md").read_text(), re.M
    )
    return {
        name: set(re.findall(r"\w+", facts)) for names, facts in rows for name in re.findall(r"\w+", names)
    }


def mails(host: Host) -> list[str]:
    """The mails that were sent, as one text each."""
    folder: Path = host.folder / "instance" / "mail"
    return [json.loads(path.read_text())["body"] for path in folder.glob("*.json")]


def astray(visitor: Visitor, host: Host) -> list[str]:
    """Addresses on the club's pages that lead into the host's site, but neither to the club nor to the host's door."""
    found = []
    for page in visitor.pages:
        if not (page.url.startswith(host.url) and page.path.startswith("/club")):
            continue
        for address in {*page.links, *page.sources, *(form.action for form in page.forms)}:
            outside = address.partition(host.url)[2]
            if outside and not outside.startswith(("/club/", "/club?", "/enter", "/signin")):
                found.append(f"{address} on {page.path}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [("bare", "sqlite"), ("full", "sqlite"), ("full", "postgres")])
def test_the_main_job_passes_in_the_host(make_host, name, kind):
    host = make_host(name, kind).prepare()
    with till_for(host) as till, host.served():
        stranger = host.visitor()
        lin, wang, zhou = (host.visitor(login) for login in ("lin", "wang", "zhou"))

        # A visitor sees what is on sale, and is sent to the host's door when they want it.
        assert "The full pass" in stranger.open("/club/passes").text
        offer = stranger.open("/club/passes/full")
        assert "Be kind." in offer.text
        order = stranger.open(offer.link("/club/passes/full/order"))
        assert "What it comes to" in order.text
        refused = stranger.send(order.form("/order"))
        assert refused.path in ("/enter", "/signin")
        assert "next=/club/passes/full" in refused.url
        # A stranger to the desk and to administration is refused with the way in.
        assert "instructor" in lin.open("/club/desk", expect=403).text
        lin.open("/club/admin", expect=403)

        enter(lin, buy(lin, till), zhou)
        learn(lin)
        review(wang)
        ranking = lin.open("/club/ranking")
        assert "Linlin" in ranking.text
        # The pass 10, the lesson 2, the homework 100, featured 20 and on time 5.
        assert re.search(r"\b137\b", ranking.text), ranking.text
        run_a_season(zhou, host)
        core = stranger.open("/club/core")
        assert "No. 1" in core.text, core.text
        assert "Linlin" in lin.open("/club/core").text
        assert "Linlin" not in core.text, "a stranger sees numbers, not names"

        # The pay service told the club too, and the club took it for what it had seen already.
        wait_until(lambda: any(one["type"] == PAID and one["answer"] == "200" for one in till.deliveries()))
        for visitor in (stranger, lin, wang, zhou):
            # The whole of every page, too: nothing of the club lies outside its place in the host.
            visitor.open("/club/")
            visitor.open("/club/passes")
            assert not astray(visitor, host)

    told = heard(host)
    assert list(told) == [
        "member_numbered",
        "pass_issued",
        "order_paid",
        "submission_received",
        "submission_reviewed",
        "season_published",
        "season_closed",
    ]
    assert told == {name: facts for name, facts in documented().items() if name in told}
    host.flask("qunclub", "jobs")
    links = [link for body in mails(host) for link in re.findall(r"https?://\S+", body)]
    assert links
    assert all(urlsplit(link).path.startswith("/club") for link in links), links
    assert "All promises hold" in host.flask("qunclub", "doctor")
