"""The wheel, installed where nothing else is, and host apps that see only that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qunclub.kernel import clock
from tests.plugin.visitor import Visitor
from tests.support import postgres, run, servers
from tests.support.sandbox import API_KEY, SECRET, LiveSandbox, live_sandbox

ROOT = Path(__file__).resolve().parents[2]
HOSTS = Path(__file__).resolve().parent / "hosts"


def command(*words: str, cwd: Path, env: Mapping[str, str], fails: bool = False) -> str:
    """Run a command to its end; gives what it wrote, errors and all."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
    )
    assert (done.returncode != 0) == fails, f"{words} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def clean_environment() -> dict[str, str]:
    """This environment without the club's settings, and without any way back to the checkout."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("QUNCLUB_", "FLASK_", "PYTHONPATH"))
    }


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel, built once a run from the source distribution that is built from this checkout."""
    with run.one_at_a_time("wheel") as marker:
        folder = run.folder() / "dist"
        if not marker.exists():
            command(
                *(
                    sys.executable,
                    "-m",
                    "build",
                    "--no-isolation",
                    "--outdir",
                    str(folder),
                    str(ROOT),
                ),
                cwd=run.folder(),
                env=clean_environment(),
            )
            marker.touch()
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path) -> Path:
    """The folder the wheel was installed into by pip; its dependencies are this environment's."""
    with run.one_at_a_time("installed") as marker:
        folder = run.folder() / "installed"
        if not marker.exists():
            pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            command(
                *(*pip, "--no-index", "--no-deps", "--target", str(folder), str(wheel)),
                cwd=run.folder(),
                env=clean_environment(),
            )
            marker.touch()
    return folder


@dataclass
class Host:
    """A host app in a folder of its own."""

    name: str
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    def script(self, name: str, **more: str) -> str:
        """Run one of the hosts' scripts in the host's folder; gives what it printed."""
        return command(sys.executable, f"{name}.py", self.name, cwd=self.folder, env={**self.env, **more})

    def flask(self, *words: str, fails: bool = False, **more: str) -> str:
        """``flask --app <host> …``."""
        return command(
            *(sys.executable, "-m", "flask", "--app", self.name, *words),
            cwd=self.folder,
            env={**self.env, **more},
            fails=fails,
        )

    def prepare(self) -> Host:
        """The host's tables by the host's means, the club's by the club's, and something on sale."""
        if not self.env["HOST_DATABASE_URL"].startswith("sqlite"):
            self.script("prepare")
            return self
        with run.one_at_a_time(f"host-{self.name}") as marker:
            kept = run.folder() / f"host-{self.name}"
            if not marker.exists():
                self.script("prepare")
                shutil.copytree(self.folder, kept)
                marker.touch()
        shutil.copytree(kept, self.folder, dirs_exist_ok=True)
        return self

    @contextmanager
    def served(self, **more: str) -> Iterator[str]:
        """The host on its port, in a process of its own."""
        log = self.folder / "serve.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", self.name, "run", "--port", str(self.port)],
                cwd=self.folder,
                env={**self.env, **more},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            servers.wait_for(self.url + "/club/healthz", process, log)
            yield self.url
        finally:
            servers.stop(process)

    def visitor(self, login: str = "", language: str = "en") -> Visitor:
        """Somebody at the host's door, or signed in there by the host's own form."""
        visitor = Visitor(self.url, language)
        if login:
            door = visitor.open("/enter" if self.name == "bare" else "/signin")
            visitor.send(door.forms[0], login=login)
        return visitor


MakeHost = Callable[..., Host]


@pytest.fixture
def make_host(installed: Path, tmp_path: Path) -> Iterator[MakeHost]:
    """Makes a host by the name of its module, on SQLite or PostgreSQL."""
    with ExitStack() as stack:

        def make(name: str, kind: str = "sqlite", **settings: str) -> Host:
            folder = tmp_path / f"{name}-{kind}"
            shutil.copytree(HOSTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
            url = f"sqlite:///{folder / 'host.db'}"
            if kind == "postgres":
                database = f"host_{os.getpid()}_{tmp_path.name[-12:]}".replace("-", "_")
                url = postgres.create(database)
                stack.callback(postgres.drop, database)
            instance = folder / "instance"
            instance.mkdir()
            # The keys that club and sandbox share; `serve` would make them.
            (instance / "sandbox-api.key").write_text(API_KEY)
            (instance / "sandbox-webhook.key").write_text(SECRET)
            env = {
                **clean_environment(),
                "PYTHONPATH": str(installed),
                "HOST_DATABASE_URL": url,
                "QUNCLUB_INSTANCE": str(instance),
                "QUNCLUB_LOG_LEVEL": "WARNING",
                **settings,
            }
            return Host(name, folder, env, servers.free_port())

        yield make


@contextmanager
def till_for(host: Host) -> Iterator[LiveSandbox]:
    """The pay sandbox that knows where this host's club takes its webhooks."""
    hook = f"{host.url}/club/webhooks/stripe"
    with live_sandbox(host.folder, clock=clock.utcnow, webhook_url=hook) as sandbox:
        host.env["QUNCLUB_SANDBOX_PORT"] = sandbox.url.rpartition(":")[2].strip("/")
        yield sandbox
