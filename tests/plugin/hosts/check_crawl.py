"""The demo club in this host, followed link by link: nothing breaks, nothing is missing, nothing leads astray."""

import importlib
import re
import sys

app = importlib.import_module(sys.argv[1]).create_app()
made = app.test_cli_runner().invoke(args=["qunclub", "demo"], catch_exceptions=False)
assert "one of your own people" in made.output, made.output
wrong = []
for person, most in ((None, 60), (3, 160)):
    visitor = app.test_client()
    with visitor.session_transaction() as session:
        session["person"] = person
    seen, waiting = set(), ["/club/"]
    while waiting and len(seen) < most:
        address = waiting.pop(0).partition("#")[0]
        if address in seen:
            continue
        seen.add(address)
        answer = visitor.get(address, headers={"Accept-Language": "en"})
        answer.get_data()
        if answer.status_code >= 404:
            wrong.append(f"{answer.status_code} at {address}")
        if answer.mimetype != "text/html":
            continue
        if "host-" in answer.text:
            wrong.append(f"a word of the host on {address}")
        for kind, found in re.findall(r'(href|src|action)="(/[^"]*)"', answer.text):
            if not found.startswith(("/club/", "/enter")):
                wrong.append(f"{found} on {address}")
            elif kind != "action" and "/language/" not in found:
                waiting.append(found.replace("&amp;", "&"))
    assert len(seen) >= most, f"only {len(seen)} pages were found"
assert not wrong, "\n".join(wrong)
print("nothing leads astray")
