"""Write the newest schema migration anew from the models: allowed only until it is released."""

from __future__ import annotations

import tempfile
from pathlib import Path

from qunclub import migrate
from qunclub.kernel.engine import create_club_engine
from qunclub.web.assets import folder

NEWEST, BEFORE, MESSAGE = "0005", "0004", "homework"


def main() -> None:
    """Replace ``0005_*.py``; what moves data stands in a migration after it."""
    versions = folder("migrations") / "versions"
    for old in versions.glob(f"{NEWEST}_*.py"):
        old.unlink()
    later = {path: path.read_text(encoding="utf-8") for path in versions.glob("0006_*.py")}
    for path in later:
        path.unlink()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            engine = create_club_engine(f"sqlite:///{Path(scratch) / 'before.db'}")
            migrate.upgrade(engine, BEFORE)
            migrate.revision(engine, MESSAGE, NEWEST)
    finally:
        for path, text in later.items():
            path.write_text(text, encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        check = create_club_engine(f"sqlite:///{Path(scratch) / 'check.db'}")
        migrate.upgrade(check)
        assert migrate.differences(check) == []


if __name__ == "__main__":
    main()
