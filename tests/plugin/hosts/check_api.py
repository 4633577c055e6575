"""The API inside a host: its own problems there, the host's own pages and error handlers as they were."""

import importlib
import sys

from qunclub.api import tokens
from qunclub.kernel import Actor, clock
from qunclub.web.uow import transact

app = importlib.import_module(sys.argv[1]).create_app()
assert "flask-smorest" not in app.extensions, "the club put flask-smorest on the host"
with app.app_context():
    text = transact(
        lambda session: tokens.make(
            session,
            name="Bot",
            scopes=["tickets.check"],
            known=["tickets.check"],
            group_id=None,
            per_minute=60,
            days=None,
            actor=Actor.system("test"),
            now=clock.utcnow(),
        )
    )[1]
client = app.test_client()
headers = {"Authorization": f"Bearer {text}", "Accept-Language": "en"}
answer = client.post(
    "/club/api/v1/tickets/check", json={"code": "000000000000", "key": "12345678"}, headers=headers
)
assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), answer.text
assert answer.json["code"] == "unknown-ticket", answer.json
answer = client.post("/club/api/v1/tickets/check", json={}, headers=headers)
assert answer.status_code == 422 and set(answer.json["errors"]["json"]) == {"code", "key"}, answer.text
document = client.get("/club/api/v1/openapi.json").json
assert "/club/api/v1/tickets/check" in document["paths"], document["paths"]
lost = client.get("/no-such-page")
assert lost.status_code == 404 and lost.mimetype == "text/html", "the host's own errors are its own"
print("the API stays in its place")
