"""The sandbox as a process of its own: it starts, it is killed in the middle, it goes on."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from qunclub.adapters.stripe_gateway import StripeGateway
from tests.support.sandbox import API_KEY, SECRET, Letterbox, order, wait_until
from tests.support.servers import ROOT, free_port

START = """
import sys
from qunclub.sandbox import run_sandbox
run_sandbox(state_path=sys.argv[1], port=int(sys.argv[2]), webhook_url=sys.argv[3],
            api_key=sys.argv[4], webhook_secret=sys.argv[5])
"""


def started(folder: Path, port: int, hook: str) -> subprocess.Popen[bytes]:
    """A sandbox process that answers."""
    command = [sys.executable, "-c", START, str(folder / "s.db"), str(port), hook, API_KEY, SECRET]
    process = subprocess.Popen(command, cwd=ROOT)

    def answers() -> bool:
        assert process.poll() is None, "the sandbox ended by itself"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/static/pay.css", timeout=2).close()
        except (urllib.error.URLError, OSError):
            return False
        return True

    wait_until(answers, 20)
    return process


@pytest.mark.slow
def test_killed_and_started_again_it_remembers_and_tells(tmp_path: Path, box: Letterbox) -> None:
    port = free_port()
    gateway = StripeGateway(API_KEY, webhook_secrets=(SECRET,), api_base=f"http://127.0.0.1:{port}")
    request = order(dt.datetime.now(dt.UTC))
    first = started(tmp_path, port, "http://127.0.0.1:9/nobody")
    try:
        made = gateway.create_checkout(request, idempotency_key="k")
        paid = urllib.request.Request(f"{made.url}", data=b"method=alipay")
        with pytest.raises(urllib.error.URLError):  # it redirects to a shop that is not there
            urllib.request.urlopen(paid, timeout=5)
        assert gateway.retrieve_checkout(made.id).settled
    finally:
        first.kill()
        first.wait()
    second = started(tmp_path, port, box.url)
    try:
        assert box.wait(1) == ["checkout.session.completed"]
        assert gateway.parse_notification(*box.letters[0]).outcome == "paid"
        assert gateway.create_checkout(request, idempotency_key="k").id == made.id
        second.send_signal(signal.SIGTERM)
        assert second.wait(timeout=10) == 0
    finally:
        second.kill()
        second.wait()
