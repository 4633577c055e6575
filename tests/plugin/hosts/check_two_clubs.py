"""Both hosts in one process, each with its own database: nothing of one is seen in the other."""

import os

import full

first = full.create_app()

os.environ["HOST_DATABASE_URL"] = f"sqlite:///{os.getcwd()}/other.db"
os.environ["QUNCLUB_INSTANCE"] = f"{os.getcwd()}/other"
os.environ["QUNCLUB_CLUB_NAME"] = "The other club"
os.environ["QUNCLUB_DEFAULT_LOCALE"] = "en"

import bare  # noqa: E402 - it reads the environment of its own

second = bare.create_app()
for words in (["host-tables"], ["qunclub", "db", "upgrade"]):
    made = second.test_cli_runner().invoke(args=words)
    assert made.exit_code == 0, made.output

one, two = first.extensions["qunclub"], second.extensions["qunclub"]
assert one is not two
for part in ("settings", "gateway", "limiter", "mailer", "files", "identity", "secret"):
    assert getattr(one, part) is not getattr(two, part), part
assert first.blueprints["qunclub"] is not second.blueprints["qunclub"]
assert set(second.extensions) == {"qunclub"}, "the club initialised an extension in a bare host"

here, there = first.test_client(), second.test_client()
assert "The full pass" in here.get("/club/passes").text
page = there.get("/club/passes").text
assert "The full pass" not in page and "The other club" in page, page
assert "The other club" not in here.get("/club/passes").text

# What one counts, the other does not.
with first.app_context():
    from limits import parse

    from qunclub.web.limits import TooMany, check

    rule = parse("1 per hour")
    check(rule, "test", "someone")
    try:
        check(rule, "test", "someone")
    except TooMany:
        pass
    else:
        raise AssertionError("the first club does not count")
with second.app_context():
    check(rule, "test", "someone")

# A mended page of one leaves the other's commands and templates alone.
assert first.jinja_env is not second.jinja_env
assert "date" not in first.jinja_env.filters
assert second.jinja_env.filters["date"]("d") == "host-date:d"
print("two clubs")
