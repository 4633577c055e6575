"""What docs/running-a-season.md calls buttons, fields and pages is what the club calls them, in both languages."""

from __future__ import annotations

import re

from flask import url_for
from werkzeug.routing import RequestRedirect

from qunclub.seasons import guide as pages
from tests.support import guide
from tests.support.pages import in_language, sign_in, text_of


def test_every_label_of_the_guide_is_the_clubs_in_both_languages():
    known = guide.texts()
    for step in guide.steps().values():
        for label in [one for one in step.where if one] + step.fields + step.buttons + step.seen:
            assert label.zh in known.get(label.en, ()), f"step {step.number}: {label}"
    # Bold words with Chinese behind them, in the prose as well.
    text = guide.GUIDE.read_text()
    named = re.findall(r"\*\*([^*\n]+)\*\* (?=[^\x00-\x7f])", text)
    assert len(named) > 100
    for english in named:
        assert english in known, english
        assert any(f"**{english}** {chinese}" in text for chinese in known[english]), english


def test_every_page_of_the_guide_is_one_of_the_club_and_every_step_says_who_and_what(app):
    steps = guide.steps()
    assert len(steps) > 25 and list(steps) == sorted(steps, key=lambda one: [int(n) for n in one.split(".")])
    adapter = app.url_map.bind("localhost")
    for step in steps.values():
        assert step.who in {"Admin", "Second admin", "Instructor", "Member", "Core member", "Next member"}
        assert step.seen, f"step {step.number} does not say what is then seen"
        assert step.path or step.number.split(".")[1] != "1", f"step {step.number} begins nowhere"
        if step.path:
            try:
                endpoint, _values = adapter.match(
                    step.path.replace("<number>", "1").replace("<address>", "x")
                )
            except RequestRedirect as elsewhere:
                raise AssertionError(step.path) from elsewhere
            assert endpoint.startswith("qunclub."), step.path


def test_the_clubs_own_page_of_the_guide_says_the_same(app):
    steps = guide.steps()
    rows: dict[str, pages.Row] = {}
    titles = re.findall(r"^## \d+\. (.+)$", guide.GUIDE.read_text(), re.MULTILINE)
    assert titles == [chapter.title for chapter in pages.CHAPTERS]
    for number, chapter in enumerate(pages.CHAPTERS, 1):
        rows |= {f"{number}.{place}": row for place, row in enumerate(chapter.rows, 1)}
    assert list(rows) == list(steps)
    for step_number, row in rows.items():
        step = steps[step_number]
        said = {
            "who": row.who,
            "where": [None if part == pages.SEASON else guide.gaps(part) for part in row.way],
            "fields": list(row.fields),
            "buttons": list(row.buttons),
            "seen": [guide.gaps(one) for one in row.seen],
            "asks": row.asks,
        }
        assert said == {
            "who": step.who,
            "where": [one.en if one else None for one in step.where],
            "fields": [one.en for one in step.fields],
            "buttons": [one.en for one in step.buttons],
            "seen": [one.en for one in step.seen],
            "asks": step.asks,
        }, step_number
        if row.page:
            with app.test_request_context():
                assert url_for(row.page) == step.path
        else:
            assert not step.path or "<" in step.path or row.who not in ("Admin", "Second admin"), step_number


def test_admins_read_the_guide_from_the_seasons_and_from_each_season_at_its_step(client, make):
    season = make.season(slug="spring")
    host = sign_in(client, make.account(number=600, roles=("host",)))
    assert host.get("/admin/seasons/guide").status_code == 403
    admin = in_language(sign_in(client, make.account(number=601, roles=("admin",))), "en")
    assert "/admin/seasons/guide" in admin.get("/admin/seasons").text
    assert "/admin/seasons/guide#step-4" in admin.get(f"/admin/seasons/{season.id}").text
    make.closed(season, steps=("freeze",))
    assert "/admin/seasons/guide#step-6" in admin.get(f"/admin/seasons/{season.id}").text
    page = text_of(admin.get("/admin/seasons/guide"))
    assert "Make an exception …" in page and "… has … points more." in page and "%(" not in page
    page = text_of(in_language(admin, "zh").get("/admin/seasons/guide"))
    assert "赛季操作指南" in page and "作出例外……" in page and "会再问一次" in page
