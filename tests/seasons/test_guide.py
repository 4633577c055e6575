"""What docs/running-a-season.md calls buttons, fields and pages is what the club calls them, in both languages."""

from __future__ import annotations

import re

from werkzeug.routing import RequestRedirect

from tests.support import guide


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
