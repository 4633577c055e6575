"""The servers: web (granian), job worker (huey), pay sandbox; and the supervisor that starts and stops them as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from types import FrameType

import click
from flask import Flask

from qunclub import config
from qunclub.config import Settings
from qunclub.kernel import clock

GRACE_SECONDS = 10.0


def run_web(settings: Settings, target: str) -> None:
    """Serve ``<target>:create_app()`` with granian until told to stop."""
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        f"{target}:create_app",
        factory=True,
        address=settings.bind,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        log_access=False,
        log_level="warning",  # type: ignore[arg-type]  # granian accepts the level's name
        websockets=False,
    ).serve()


def run_worker(app: Flask) -> None:
    """Run huey's consumer: one worker, the periodic sweep, and the outbox when woken."""
    consumer = app.extensions["qunclub"].huey.create_consumer(
        workers=1, worker_type="thread", periodic=True, max_delay=1.0, initial_delay=0.1
    )
    consumer.run()


def run_pay_sandbox(settings: Settings, *, webhook_path: str) -> None:
    """Run the Stripe-shaped sandbox with the keys kept in the instance folder."""
    from qunclub.sandbox import run_sandbox

    run_sandbox(
        host=settings.bind if settings.sandbox_public_url else "127.0.0.1",
        port=settings.sandbox_port or settings.port + 1,
        state_path=settings.instance_path / "sandbox.db",
        api_key=config.kept_secret(settings, "sandbox-api"),
        webhook_secret=config.kept_secret(settings, "sandbox-webhook"),
        webhook_url=f"http://127.0.0.1:{settings.port}{webhook_path}",
        public_url=settings.sandbox_pay_url,
    )


def supervise(settings: Settings, target: str) -> int:
    """Start everything, wait, stop everything; returns 0 when asked to stop, 1 when a part died by itself."""
    names = ["web", "worker"] + (["sandbox"] if settings.sandbox else [])
    # Keys are made before the parts start, so that two of them never make one each.
    for name in ("secret", "sandbox-api", "sandbox-webhook"):
        config.kept_secret(settings, name)
    base = [sys.executable, "-m", "flask", "--app", target, "qunclub"]
    parts = {name: subprocess.Popen([*base, name], env=os.environ.copy()) for name in names}
    stopping = False

    def stop(_signum: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    announced = False
    code = 0
    while not stopping:
        dead = [name for name, part in parts.items() if part.poll() is not None]
        if dead:
            click.echo(
                f"{dead[0]} stopped by itself (exit {parts[dead[0]].returncode}); stopping the rest.",
                err=True,
            )
            code = 1
            break
        if not announced and _answers(f"http://127.0.0.1:{settings.port}/healthz"):
            _announce(settings)
            announced = True
        clock.sleep(0.2)
    _stop(parts)
    return code


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _announce(settings: Settings) -> None:
    click.echo(f"\nQunClub is open at {settings.site_url}")
    if settings.sandbox:
        click.echo(f"Payments go to the local sandbox at {settings.sandbox_pay_url} (no money moves).")
        click.echo(f"Renew, refund and dispute there: {settings.sandbox_url}/dashboard/")
    note = settings.instance_path / "demo-accounts.txt"
    if note.exists():
        click.echo(note.read_text().rstrip())
    click.echo("Stop with Ctrl-C.")


def _stop(parts: dict[str, subprocess.Popen[bytes]]) -> None:
    for part in parts.values():
        if part.poll() is None:
            part.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
    deadline = clock.monotonic() + GRACE_SECONDS
    for part in parts.values():
        try:
            part.wait(timeout=max(0.1, deadline - clock.monotonic()))
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()
