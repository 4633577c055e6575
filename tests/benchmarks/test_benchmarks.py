"""The benchmark runs and writes its results. Nothing here is timed: how fast it is says ``make bench``."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import closing, desk, door, growth, load, pages, turns
from benchmarks.load import Unexpected
from benchmarks.pages import Measured, Page, Result
from benchmarks.purchases import Fulfilments
from benchmarks.report import Report
from benchmarks.scale import TINY

NOW = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)


class Answer(BaseHTTPRequestHandler):
    """Answers 200 with a short text, and 404 for /missing."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: example.com\r\n\r\n".encode()


def test_the_load_counts_whole_answers(port: int) -> None:
    with load.load() as asking:
        assert asking.rate(port, request("/"), 0.1) > 0


def test_an_answer_that_is_no_page_ends_the_run(port: int) -> None:
    with load.load() as asking, pytest.raises(Unexpected, match="404"):
        asking.rate(port, request("/missing"), 0.1)


def test_pages_fulfilments_and_replay_end_up_in_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "results.md"
    monkeypatch.setattr(bench, "FULL", TINY)
    bench.main(["--output", str(target)])
    text = target.read_text()
    assert text.count("| ranking | member |") == 2
    for wanted in (
        "catalogue | visitor", "lesson | member", "homework", "SQLite 3", "PostgreSQL", "replay", "## The desk",
        "search: e-mail", "filter: refund failed", "## The review desk", "filter: held by me", "## Ranking and season",
        "ranking, around me", "## Closing a season", "weighted kinds | postgres | 200 | 2,000",
        "## Lines of the ledger", "## The door",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_the_review_desk_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "FULL", replace(TINY, databases=("sqlite",)))
    bench.main(["--grown", "submissions"])
    text = capsys.readouterr().out
    assert (
        "600 and with 700 submissions" in text and "filter: a small group" in text and "(grows)" not in text
    )


def test_the_members_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "FULL", replace(TINY, databases=("sqlite",)))
    bench.main(["--grown", "members"])
    text = capsys.readouterr().out
    assert "200 and with 300 members" in text and "(grows)" not in text


def test_the_closing_and_the_lines_alone(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--tiny", "--only", "closing", "--sizes", "150"])
    text = capsys.readouterr().out
    assert text.count("| 150 | 1,500 |") == 6 and "| usual | sqlite |" in text
    bench.main(["--tiny", "--only", "appends"])
    text = capsys.readouterr().out
    assert "| sqlite | 1 |" in text and "| postgres | 2 |" in text


def test_a_closing_below_its_aim_is_said_so() -> None:
    def one(formula: str, bare: list[float]) -> closing.Closing:
        steps = {"freeze": [2.0, 1.0], "dry run": [0.5, 0.5], "result": [1.0, 0.5]}
        return closing.Closing("sqlite", 100, 1_000, formula, bare, steps)

    text = "\n".join(closing.report([one("weighted kinds", [1.0, 1.5]), one("usual", [1.0, 1.5])]))
    assert (
        "| usual | sqlite | 100 | 1,000 | 1.00 | 1.00 | 0.50 | 0.50 | 2.00 | **0.50** (below the aim) |"
        in text
    )
    assert "| 2.00 | **0.50** |" in text
    assert one("usual", [2.0, 4.0]).ratio == 1.0


def test_the_door_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "FULL", replace(TINY, databases=("sqlite",)))
    bench.main(["--only", "door"])
    text = capsys.readouterr().out
    assert "600 of them, 5 in each of 2 turns" in text and "| sqlite |" in text


def test_a_slow_door_is_said_so() -> None:
    slow = door.Door("postgres", 1_000_000, 400, ((1.0, 2.0), (1.5, 3.0)), ((4.0, 9.0), (5.0, 8.0)))
    assert slow.ratio == 4.0
    text = "\n".join(door.report([slow]))
    assert "| postgres | 1.00 | 2.00 | 4.00 | 8.00 | **4.00** (above the aim) |" in text
    assert "1,000,000 of them" in text


def test_the_boards_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "FULL", TINY)
    bench.main(["--grown", "posts"])
    text = capsys.readouterr().out
    assert "600 and with 700 posts" in text and "members to mention" in text and "(grows)" not in text


def test_a_ratio_below_its_aim_is_said_so() -> None:
    def measured(club: str, rates: list[float], ratios: list[float]) -> Measured:
        return Measured(Page("ranking", "/ranking", True, club), 7, 18_000, rates, ratios)

    few = measured(pages.FEW, [600, 500, 400], [0.6, 0.5, 0.4])
    many = measured(pages.MANY, [300, 400, 200], [0.3, 0.4, 0.2])
    result = Result([1000.0], [few, many])
    assert result.growth == 2.0
    report = Report(
        NOW, TINY, 8, result, [Fulfilments("sqlite", "SQLite 3.40", (90.0, 100.0, 110.0))], 19, 50.0
    )
    text = report.markdown()
    assert "2026-04-15 04:00 UTC" in text
    assert "| **0.50** |" in text
    assert "| **0.30** (below the aim) |" in text
    assert "**2.00** times as long" in text and "aim: 1.2 or less (below the aim)" in text
    assert "| 100 | 0.100 |" in text


def test_the_version_before_takes_turns_with_this_one() -> None:
    # Itself, for want of another: the two run beside each other and each says its rates.
    scale = replace(TINY, databases=("sqlite",))
    found = turns.measure(Path(bench.__file__).parent.parent, scale, lambda line: None)
    assert [len(found[0].before), len(found[0].after)] == [2, 2]
    assert "| sqlite |" in "\n".join(turns.report(found))
    assert turns.Turns("sqlite", (10.0, 20.0), (20.0, 30.0)).ratio == 1.75


def test_a_page_that_grew_slower_is_said_so() -> None:
    times = growth.Times(few=[0.01, 0.02, 0.01], many=[0.02, 0.02, 0.02], statements=(7, 7))
    text = "\n".join(
        growth.report([growth.Grown(desk.ORDERS, "sqlite", 1_000, 1_000_000, 60.0, 3, {"orders": times})])
    )
    assert "| orders | 7 | 10.0 | 20.0 | **2.00** (above the aim) |" in text
    assert "1,000,000 orders" in text


def test_a_page_that_sends_more_statements_is_said_so() -> None:
    times = growth.Times(few=[0.01], many=[0.01], statements=(7, 9))
    text = "\n".join(growth.report([growth.Grown(desk.ORDERS, "sqlite", 10, 20, 60.0, 3, {"orders": times})]))
    assert "| orders | 7 → 9 (grows) |" in text
