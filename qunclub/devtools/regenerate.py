"""Write the first migration anew from the models: allowed only until the first release."""

from __future__ import annotations

import tempfile
from pathlib import Path

from qunclub import migrate
from qunclub.kernel.engine import create_club_engine
from qunclub.web.assets import folder


def main() -> None:
    """Replace ``0001_*.py``."""
    for old in (folder("migrations") / "versions").glob("0001_*.py"):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        engine = create_club_engine(f"sqlite:///{Path(scratch) / 'empty.db'}")
        migrate.revision(engine, "first tables", "0001")
        check = create_club_engine(f"sqlite:///{Path(scratch) / 'check.db'}")
        migrate.upgrade(check)
        assert migrate.differences(check) == []


if __name__ == "__main__":
    main()
