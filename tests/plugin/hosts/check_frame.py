"""The club and the host in one app: whose pages, errors, filters, headers and files are whose."""

import importlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import qunclub
from qunclub.passes.tickets_views import link_of
from qunclub.web import absolute_url, club_url

name = sys.argv[1]
assert Path(qunclub.__file__).is_relative_to(os.environ["PYTHONPATH"]), qunclub.__file__
app = importlib.import_module(name).create_app()
door = {"bare": "/enter", "full": "/signin"}[name]
visitor = app.test_client()

# The host's page is the host's, whatever it calls its filters and functions.
page = visitor.get("/").text
if name == "bare":
    for own in ("host-date:d", "host-money:5", "host-word:w", "host-actor host-name no base"):
        assert own in page, page
else:
    for none in ("no date filter", "no money filter", "no _", "no actor no name no base"):
        assert none in page, page
assert "Content-Security-Policy" not in visitor.get("/").headers

# The club's page is the club's, and speaks the visitor's language.
answer = visitor.get("/club/passes", headers={"Accept-Language": "en"})
assert answer.status_code == 200, answer.text
assert "The full pass" in answer.text
assert "199.00" in answer.text
assert "host-" not in answer.text, "a filter, function or variable of the host came between"
assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
assert "通行证" in visitor.get("/club/passes", headers={"Accept-Language": "zh-CN"}).text

# Errors: each in its own frame.
lost = visitor.get("/club/passes/nothing-of-that-name")
assert lost.status_code == 404
assert "frame.css" in lost.text and "host-404" not in lost.text, lost.text
aborted = visitor.get("/club/vendor/nothing/at-all")
assert aborted.status_code == 404
assert "frame.css" in aborted.text, aborted.text
refused = visitor.post("/club/language/en")
assert refused.status_code == 405
if name == "bare":
    assert visitor.get("/nothing").text == "host-404"
    assert visitor.get("/club/nothing").text == "host-404"
    assert visitor.get("/crash").text == "host-500"

# Files.
for path, begins in (
    ("/club/assets/css/frame.css", b""),
    ("/club/assets/js/club.js", b""),
    ("/club/vendor/bootstrap/css/bootstrap.min.css", b"@charset"),
    ("/club/vendor/bootstrap-icons/font/bootstrap-icons.min.css", b""),
    ("/club/vendor/htmx/htmx.min.js", b""),
):
    found = visitor.get(path)
    assert found.status_code == 200 and found.data.startswith(begins), path
assert visitor.get("/assets/css/frame.css").status_code == 404

# Forgery is refused by the club (and by the host's own CSRFProtect where there is one).
assert visitor.post("/club/passes/full/order").status_code in (400, 403)
# A stranger is sent to the host's door, and would come back to where they were.
sent = visitor.get("/club/me?from=mail")
assert sent.status_code == 303
assert sent.location == f"{door}?next=/club/me?from%3Dmail", sent.location
# Readiness is the club's own affair.
assert visitor.get("/club/readyz").json == {"status": "ready"}

# Mounted below a path, the way back leads to the same place.
sent = visitor.get("/club/me", base_url="http://localhost/portal")
assert sent.location == f"/portal{door}?next=/portal/club/me", sent.location

# Addresses for the outside: from the setting, and in development without one from the request.
state = app.extensions["qunclub"]
with app.test_request_context("/club/passes", base_url="http://here.example.org/portal/"):
    assert link_of("ABCD").startswith("http://here.example.org/portal/club/t/ABCD."), link_of("ABCD")
state.settings = replace(state.settings, public_url="https://club.example.org/portal/")
with app.test_request_context("/club/passes", base_url="http://forged.example.org/"):
    assert link_of("ABCD").startswith("https://club.example.org/portal/club/t/ABCD."), link_of("ABCD")
with app.app_context():
    assert club_url() == "https://club.example.org/portal/club", club_url()
    assert absolute_url("qunclub.passes.show", slug="full") == club_url() + "/passes/full"

print("the frames hold")
