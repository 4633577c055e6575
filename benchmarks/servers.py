"""Starts the club and the baseline as processes of their own, with the very server settings of ``qunclub serve``.

``python -m benchmarks.servers MODULE`` serves ``MODULE:create_app()`` with the settings of the environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import STDOUT, Popen

from qunclub import config
from qunclub.serving import run_web
from tests.support.servers import ROOT, free_port, stop, wait_for


@contextmanager
def serving(target: str, environment: Mapping[str, str], *, path: str, log: Path) -> Iterator[int]:
    """Serve *target* until the block ends; gives the port once *path* answers."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUNCLUB_")}
    with log.open("wb") as output:
        process = Popen(
            [sys.executable, "-m", "benchmarks.servers", target],
            cwd=ROOT,
            env={**kept, **environment, "PORT": str(port)},
            stdout=output,
            stderr=STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}{path}", process, log)
        yield port
    finally:
        stop(process)


if __name__ == "__main__":
    run_web(config.load(), sys.argv[1])
