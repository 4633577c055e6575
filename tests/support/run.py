"""One folder for the whole run, shared by the workers of pytest-xdist and removed at its end."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Not QUNCLUB_*: the club refuses settings it does not know, and tests start it with this environment.
VARIABLE = "CLUBTEST_RUN"
PREFIX = "clubtest-"


def start() -> Path:
    """Make the folder of this run (the controller calls this; workers inherit the variable)."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    # PostgreSQL refuses to run as root, so its own user must be able to come by.
    folder.chmod(0o755)
    os.environ[VARIABLE] = str(folder)
    if "XDG_RUNTIME_DIR" not in os.environ:
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    return folder


def folder() -> Path:
    """The folder of this run, short enough for a Unix socket in it."""
    return Path(os.environ[VARIABLE])


def left_over() -> list[Path]:
    """Folders of runs that were killed."""
    found = []
    for path in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        owner = path.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            found.append(path)
    return found


def remove(path: Path) -> None:
    """Remove a run's folder."""
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def one_at_a_time(name: str) -> Iterator[Path]:
    """Hold the run-wide lock *name*; gives the path of a marker that the first one through may write."""
    with (folder() / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield folder() / f"{name}.done"
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
