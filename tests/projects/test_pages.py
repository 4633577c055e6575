"""The pages of projects: what they say, who may see them, what they cost."""

import datetime as dt
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from qunclub import projects, seasons
from qunclub.home.export import export
from qunclub.home.leaving import leave
from qunclub.jobs import dispatch, sweep
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.projects.models import Delivery, DeliveryFile, Piece, Project
from tests.homework.pictures import picture
from tests.support.pages import post, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
MULTI: Any = {"content_type": "multipart/form-data"}


@pytest.fixture
def core(make):
    """Somebody of the core: (account, member)."""
    account, member = make.person(name="Core Hand", number=True)
    make.core_member(member)
    return account, member


@pytest.fixture
def lead(make):
    account, member = make.person(name="The Lead", number=True)
    make.core_member(member)
    return account, member


@pytest.fixture
def admin(make):
    return make.account(roles=("admin",))


@pytest.fixture
def project(make, lead):
    return make.project(
        pieces=3,
        lead=lead[1],
        slug="book",
        title="A book of a dozen",
        pay=300_00,
        skills=["layout", "editing"],
    )


@pytest.fixture
def pieces(make, project):
    return make.pieces_of(project)


def path(piece, more=""):
    return f"/projects/book/pieces/{piece.id}{more}"


def test_empty_states_in_both_languages(visit, admin):
    assert "No project is under way" in text_of(visit().get("/projects"))
    assert "目前没有进行中的项目" in text_of(visit(None, "zh").get("/projects"))
    assert "No project yet" in text_of(visit(admin).get("/admin/projects"))


def test_who_sees_what(visit, make, core, lead, admin, project, pieces, site_db):
    outside = make.account(number=True)
    for stranger in (visit(), visit(outside)):
        assert stranger.get("/projects/book").status_code == 404
        assert "A book of a dozen" not in text_of(stranger.get("/projects"))
    for inside in (visit(core[0]), visit(lead[0]), visit(admin)):
        page = text_of(inside.get("/projects/book"))
        assert "Piece 3" in page and "CN¥900.00" in page and "layout" in page
        assert "A book of a dozen" in text_of(inside.get("/projects"))
        assert inside.get(path(pieces[0])).status_code == 200
    with site_db.uow() as session:
        session.get_one(Project, project.id).public = True
    page = text_of(visit().get("/projects/book"))
    assert "Piece 3" in page and "900" not in page and "300" not in page and "The Lead" not in page
    assert 'property="og:title" content="A book of a dozen"' in page
    assert "The Lead" in text_of(visit(outside).get("/projects/book"))
    assert visit(outside).get(path(pieces[0])).status_code == 404
    assert post(visit(outside), path(pieces[0], "/claim")).status_code == 404
    other = make.project(slug="other", pieces=1)
    assert visit(admin).get(f"/projects/other/pieces/{pieces[0].id}").status_code == 404 and other


def test_every_finished_project_can_be_found(visit, make, core, site_db):
    for n in range(26):
        one = make.project(slug=f"old-{n}", title=f"Finished {n}", public=n > 0)
        with site_db.uow() as session:
            projects.set_state(session, project_id=one.id, state="done", now=make.now, actor=ADMIN)
    client = visit(core[0])
    assert "All finished projects" in text_of(client.get("/projects"))
    first, second = client.get("/projects?state=done").text, ""
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward is not None and "state=done" in onward[1] and "after=" in onward[1]
    second = client.get(onward[1].replace("&amp;", "&")).text
    both = [f'/projects/old-{n}"' in page for page in (first, second) for n in range(26)]
    assert sum(both) == 26 and "To the beginning" in second
    visitor = visit(None, "zh")
    assert "全部已完成的项目" in text_of(visitor.get("/projects?state=done"))
    assert '/projects/old-0"' not in visitor.get(onward[1].replace("&amp;", "&")).text


def test_a_draft_is_for_whoever_leads(visit, make, core, lead, admin):
    make.project(slug="book", state="draft", lead=lead[1], title="Secret plan")
    assert visit(core[0]).get("/projects/book").status_code == 404
    assert "Secret plan" not in text_of(visit(core[0]).get("/projects"))
    for leads in (visit(lead[0]), visit(admin)):
        assert "Nobody else sees this draft." in text_of(leads.get("/projects/book"))
        assert "Secret plan" in text_of(leads.get("/projects"))


def test_an_admin_calls_a_project_and_its_lead_splits_and_opens_it(visit, lead, admin, site_db):
    client = visit(admin)
    values = {
        "title": "A book", "slug": "book", "skills": "layout，editing", "lead_number": lead[1].number,
        "currency": "CNY", "claims_per_member": 2, "claim_days": 10, "pay_note": "Half at delivery.",
    }  # fmt: skip
    wrong = post(client, "/admin/projects/new", {**values, "lead_number": 999, "title": "Kept title"})
    assert (
        wrong.status_code == 422
        and "Kept title" in text_of(wrong)
        and "Number 999 is neither" in text_of(wrong)
    )
    assert post(client, "/admin/projects/new", values).location.endswith("/projects/book")
    client = visit(lead[0])
    assert "Not split yet" in text_of(client.get("/projects/book"))
    bad = post(client, "/projects/book/pieces/new", {"title": "One", "points": 20, "pay": "much"})
    assert bad.status_code == 422 and "Write the amount as a number" in text_of(bad)
    piece = {
        "title": "Chapter one",
        "brief_md": "Write **it**.",
        "skill": "editing",
        "points": 30,
        "pay": "300",
    }
    assert post(client, "/projects/book/pieces/new", {**piece, "another": 1}).location.endswith("/pieces/new")
    answer = post(client, "/projects/book/pieces/new", {**piece, "due_at": "2026-05-01T20:00"})
    assert answer.location.endswith("/projects/book#pieces")
    assert post(client, "/projects/book/state/open").status_code == 303
    with site_db.session() as session:
        project = session.scalars(select(Project)).one()
        assert (project.state, project.skills, project.claims_per_member) == (
            "open",
            ["layout", "editing"],
            2,
        )
        rows = session.scalars(select(Piece).order_by(Piece.position)).all()
        assert [row.pay for row in rows] == [300_00, 300_00]
        assert rows[1].due_at == dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
        assert {"project.create", "project.open"} <= set(session.scalars(select(AuditEntry.action)))
        version = project.version
    change = {"title": "A better book", "version": str(version), "public": "y", "skills": "layout"}
    assert post(client, "/projects/book/edit", change).status_code == 303
    stale = post(client, "/projects/book/edit", {**change, "description_md": "MINE"})
    assert stale.status_code == 409 and "MINE" in text_of(stale)
    assert "A better book" in text_of(visit().get("/projects/book"))
    assert "Project drafted" in text_of(visit(admin).get("/admin/audit"))


def test_a_piece_from_claim_to_acceptance(visit, make, core, lead, project, pieces, site_db, app):
    client, leading = visit(core[0]), visit(lead[0])
    assert "You have 14 days." in text_of(client.get(path(pieces[0])))
    assert post(client, path(pieces[0], "/claim")).status_code == 303
    refused = post(client, path(pieces[1], "/claim"))
    assert refused.status_code == 409 and "as many pieces" in text_of(refused)
    assert "My pieces" in text_of(client.get("/projects"))
    empty = post(client, path(pieces[0], "/deliver"), {"body_md": " "}, **MULTI)
    assert empty.status_code == 422 and "Write something, add a link, or add a file." in text_of(empty)
    fake = {"body_md": "KEPT WORDS", "files": (io.BytesIO(b"MZ\x90\x00program"), "tool.exe")}
    bad = post(client, path(pieces[0], "/deliver"), fake, **MULTI)
    assert (
        bad.status_code == 422
        and "KEPT WORDS" in text_of(bad)
        and "is not a file the club takes" in text_of(bad)
    )
    wrong = post(client, path(pieces[0], "/deliver"), {"link": "javascript:alert(1)"}, **MULTI)
    assert wrong.status_code == 422 and "A link begins with" in text_of(wrong)
    work = {
        "body_md": "My **chapter**", "link": "https://example.org/draft",
        "files": (io.BytesIO(picture()), "page.png"),
    }  # fmt: skip
    assert post(client, path(pieces[0], "/deliver"), work, **MULTI).status_code == 303
    with site_db.session() as session:
        file = session.scalars(select(DeliveryFile)).one()
    assert file.storage_key.startswith("projects/")
    page = text_of(leading.get(path(pieces[0])))
    assert (
        "<strong>chapter</strong>" in page and "https://example.org/draft" in page and "Your verdict" in page
    )
    assert "Waits for your verdict" in text_of(leading.get("/projects"))
    shot = leading.get(path(pieces[0], f"/files/{file.id}"))
    assert shot.mimetype == "image/png" and "sandbox" in shot.headers["Content-Security-Policy"]
    other = visit(make_core(make))
    assert other.get(path(pieces[0], f"/files/{file.id}")).status_code == 404
    assert "chapter" not in text_of(other.get(path(pieces[0])))
    assert post(other, path(pieces[0], "/verdict"), {"accept": 1}).status_code == 403
    wordless = post(leading, path(pieces[0], "/verdict"), {"return": 1, "words": ""})
    assert wordless.status_code == 422 and "Write what is missing" in text_of(wordless)
    assert (
        post(leading, path(pieces[0], "/verdict"), {"return": 1, "words": "Longer, please."}).status_code
        == 303
    )
    assert "Longer, please." in text_of(client.get(path(pieces[0])))
    assert post(client, path(pieces[0], "/deliver"), {"body_md": "Longer"}, **MULTI).status_code == 303
    assert post(leading, path(pieces[0], "/verdict"), {"accept": 1}).status_code == 303
    again = post(leading, path(pieces[0], "/verdict"), {"accept": 1})
    assert again.status_code == 409
    page = text_of(client.get(path(pieces[0])))
    assert "Earned 20 points." in page and "Accepted by The Lead" in page
    page = text_of(client.get("/projects/book"))
    assert "1 / 3" in page and "1 piece made" in page
    assert "Piece of a project delivered" in text_of(client.get("/me/points"))
    # The credit on their page: for whoever may see the project.
    mine = f"/members/{core[1].number}"
    assert "Made in projects" in text_of(other.get(mine))
    assert "Made in projects" not in text_of(visit(make.account(number=True)).get(mine))
    with site_db.uow() as session:
        session.get_one(Project, project.id).public = True
    assert "A book of a dozen" in text_of(visit(make.account(number=True)).get(mine))
    with app.app_context():
        dispatch(app.extensions["qunclub"])


def make_core(make):
    account, member = make.person(number=True)
    make.core_member(member)
    return account


def test_the_lead_sees_who_is_good_at_a_piece(visit, make, core, lead, site_db, now):
    project = make.project(pieces=0, lead=lead[1], slug="book", state="draft")
    with site_db.uow() as session:
        text = projects.PieceText(title="Charts", skill="Charts")
        piece = projects.add_piece(session, project_id=project.id, text=text, now=now, actor=ADMIN)
        projects.set_state(session, project_id=project.id, state="open", now=now, actor=ADMIN)
        seasons.save_profile(
            session, member_id=core[1].id, skills_typed="maps, charts", about="", public=False, now=now
        )
    assert f"Core Hand ({core[1].number})" in text_of(visit(lead[0]).get(path(piece)))
    assert "Good at it" not in text_of(visit(core[0]).get(path(piece)))


def test_the_lead_hands_out_extends_and_leaves_out(visit, core, lead, pieces):
    leading = visit(lead[0])
    wrong = post(leading, path(pieces[0], "/assign"), {"assign-number": 4711})
    assert wrong.status_code == 422 and "has number 4711" in text_of(wrong)
    assert post(leading, path(pieces[0], "/assign"), {"assign-number": core[1].number}).status_code == 303
    assert "Handed to Core Hand by The Lead" in text_of(leading.get(path(pieces[0])))
    early = post(leading, path(pieces[0], "/extend"), {"extend-due_at": "2026-04-16T10:00"})
    assert early.status_code == 422 and "More time means a later day" in text_of(early)
    assert post(leading, path(pieces[0], "/extend"), {"extend-due_at": "2026-06-01T10:00"}).status_code == 303
    assert post(leading, path(pieces[0], "/cancel"), {"cancel-reason": ""}).status_code == 422
    assert post(leading, path(pieces[0], "/cancel"), {"cancel-reason": "Twice."}).status_code == 303
    assert "Piece 1" not in text_of(visit(core[0]).get("/projects/book"))
    assert post(leading, path(pieces[0], "/restore")).status_code == 303
    for what in ("assign", "extend", "cancel"):
        assert post(visit(core[0]), path(pieces[0], f"/{what}"), {}).status_code in (403, 422)
    assert post(visit(core[0]), path(pieces[0], "/restore")).status_code == 403
    assert visit(core[0]).get(path(pieces[0], "/edit")).status_code == 403
    assert visit(core[0]).get("/projects/book/pieces/new").status_code == 403


def test_an_admin_takes_what_was_agreed_along_as_csv(
    visit, make, core, lead, admin, project, pieces, site_db
):
    for piece in pieces[:2]:
        make.delivered(piece, make.core_member(nickname="Ada"))
    with site_db.uow() as session:
        projects.accept(session, piece_id=pieces[0].id, now=make.now, actor=ADMIN)
    boss = visit(admin)
    assert "/admin/projects/pay.csv" in boss.get("/admin/projects").text
    told = boss.get("/admin/projects/pay.csv").text.splitlines()
    assert len(told) == 2 and "book,A book of a dozen,Piece 1," in told[1] and ",Ada," in told[1]
    assert told[1].endswith(",20,300.00,CNY")
    assert visit(lead[0]).get("/admin/projects/pay.csv").status_code == 403


def test_an_admin_takes_an_acceptance_back_and_calls_it_off(
    visit, make, core, admin, project, pieces, site_db
):
    make.delivered(pieces[0], core[1])
    client = visit(admin)
    address = f"/admin/projects/{project.id}/pieces/{pieces[0].id}/reverse"
    assert client.get(address).status_code == 303
    assert post(client, path(pieces[0], "/verdict"), {"accept": 1}).status_code == 303
    page = text_of(client.get(address))
    assert "20 points are taken back" in page and "goes back to Core Hand" in page
    assert post(client, address, {"reason": ""}).status_code == 422
    assert post(client, address, {"reason": "It was copied."}).status_code == 303
    mine = text_of(visit(core[0]).get(path(pieces[0])))
    assert "It was copied." in mine and "Acceptance taken back" in mine
    off = f"/admin/projects/{project.id}/cancel"
    assert "whoever is at work on one gets a mail" in text_of(client.get(off))
    assert post(client, off, {"reason": "No printer."}).status_code == 303
    assert "No printer." in text_of(visit(core[0]).get("/projects/book"))
    assert visit(core[0]).get(off).status_code == 403 and post(visit(core[0]), address).status_code == 403


def test_the_sweep_returns_what_is_overdue_and_tells_once(visit, core, pieces, app, clock, site_db):
    assert post(visit(core[0]), path(pieces[0], "/claim")).status_code == 303
    clock.advance(days=15)
    with app.app_context():
        state = app.extensions["qunclub"]
        assert sweep(state)["pieces"] == 1
        assert sweep(state)["pieces"] == 0
        dispatch(state)
    with site_db.session() as session:
        rows = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "mail")).all()
        told = [row for row in rows if row.payload["context"].get("what") == "overdue"]
        assert [row.payload["to"] for row in told] == [core[1].email] and told[0].done_at is not None
    assert "Overdue: back in the pool (Core Hand)" in text_of(visit(core[0]).get(path(pieces[0])))


@pytest.mark.parametrize(
    "what", ["overdue", "assigned", "taken", "delivered", "accepted", "returned", "reversed", "cancelled"]
)
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_every_mail_says_what_happened(app, what, locale):
    context = {
        "what": what,
        "name": "A",
        "project": "P",
        "piece": "Q",
        "path": "/projects/p/pieces/1",
        "words": "W",
    }
    sent = []

    class Box:
        def send(self, message):
            sent.append(message)

    state = app.extensions["qunclub"]
    state.mailer = Box()
    from qunclub.web.mailing import deliver

    with app.app_context():
        deliver(
            state,
            {"to": "a@example.com", "template": "piece_news", "context": context, "locale": locale},
            "k",
        )
    assert "Q" in sent[0].subject and "W" in sent[0].body and "/projects/p/pieces/1" in sent[0].body
    assert ("你" in sent[0].body or "「P」" in sent[0].body) == (locale == "zh")


def test_ones_own_data_and_leaving(visit, make, core, lead, project, pieces, site_db, now):
    make.delivered(pieces[0], core[1], body="MY OWN WORDS")
    with site_db.uow() as session:
        projects.send_back(session, piece_id=pieces[0].id, words="THEIR WORDS", now=now, actor=ADMIN)
        told = export(session, core[1].id, now=now)
    assert (
        told["deliveries"][0]["body_md"] == "MY OWN WORDS" and told["deliveries"][0]["words"] == "THEIR WORDS"
    )
    assert told["pieces"][0]["project"] == "A book of a dozen" and told["piece_history"]
    with site_db.uow() as session:
        actor = Actor(core[1].user_key, core[1].name, member_id=core[1].id)
        leave(session, actor=actor, member_id=core[1].id, now=now)
    with site_db.session() as session:
        assert session.scalars(select(Delivery.body_md)).all() == [""]
        assert session.get_one(Piece, pieces[0].id).state == "open"
    assert "left the club" in text_of(visit(lead[0]).get(path(pieces[0])))


def cost(client, engine, address):
    client.get(address)
    with count_statements(engine) as seen:
        assert client.get(address).status_code == 200
    return seen.count


def test_the_pages_cost_the_same_however_much_there_is(visit, make, core, project, pieces, site_db):
    client = visit(core[0])
    make.delivered(pieces[0], core[1])
    addresses = ("/projects", "/projects/book", path(pieces[0]), f"/members/{core[1].number}")
    before = [cost(client, site_db.engine, address) for address in addresses]
    for _ in range(3):
        other = make.project(pieces=4)
        for piece in make.pieces_of(other):
            member = make.core_member()
            make.delivered(piece, member)
            with site_db.uow() as session:
                projects.accept(session, piece_id=piece.id, now=make.now, actor=ADMIN)
    with site_db.uow() as session:
        for n in range(9):
            text = projects.PieceText(title=f"More {n}")
            projects.add_piece(session, project_id=project.id, text=text, now=make.now, actor=ADMIN)
    assert [cost(client, site_db.engine, address) for address in addresses] == before
    assert max(before) <= 12, before
