"""The host's tables by the host's means, the club's by the club's, and something on sale; one process for all."""

import importlib
import os
import sys

app = importlib.import_module(sys.argv[1]).create_app()
own = {
    "bare": ["host-tables"],
    "full": ["db init", "db migrate -m first", "db upgrade", "host-people"],
}
seed = [] if "WITHOUT_SEED" in os.environ else ["club-seed"]
for line in [*own[sys.argv[1]], "qunclub db upgrade", *seed]:
    done = app.test_cli_runner().invoke(args=line.split(), catch_exceptions=False)
    assert done.exit_code == 0, f"{line}: {done.output}"
