"""Questions in a browser's words: who sees them, who may do what, what they cost."""

import pytest

from qunclub.courses.models import Answer, Question
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

PARTS = {"scene": "On my phone", "detail_md": "It **stops**.", "ask": "Why does it stop?"}


@pytest.fixture
def course(make):
    made = make.course(slug="one-page", title="从零到一页")
    make.lesson(made, slug="first", title="一句话", is_preview=True)
    make.lesson(made, slug="second", title="对齐")
    return made


@pytest.fixture
def people(make, course):
    """A plan's two members and an instructor: (account, member) each."""
    plan = make.plan(slug="basic", courses=[course])
    made = [make.person(nickname=name, number=True) for name in ("小问", "小答")]
    for _account, member in made:
        make.pass_(plan, member)
    return [*made, make.person(nickname="老师", roles=("instructor",))]


@pytest.fixture
def asked(client, people):
    """A question under the lesson that is not free."""
    in_language(sign_in(client, people[0][0]), "en")
    answer = post(client, "/courses/one-page/second/questions", PARTS)
    assert (answer.status_code, answer.location) == (303, "/questions/1")
    return 1


def use(client, person, code="en"):
    return in_language(sign_in(client, person[0]), code)


def test_the_lesson_shows_the_form_and_the_newest_questions(client, people, asked):
    page = text_of(client.get("/courses/one-page/second"))
    assert "Why does it stop?" in page and "小问" in page and 'name="scene"' in page
    chinese = text_of(in_language(client, "zh").get("/courses/one-page/second"))
    assert "场景" in chinese and "诉求" in chinese and "待回答" in chinese
    empty = text_of(in_language(client, "en").get("/courses/one-page/first"))
    assert "Nobody has asked anything here yet" in empty


def test_a_refused_question_names_the_part_and_keeps_the_rest(client, people):
    use(client, people[0])
    answer = post(client, "/courses/one-page/second/questions", {**PARTS, "ask": ""})
    page = text_of(answer)
    assert answer.status_code == 422 and "On my phone" in page and 'id="ask-error"' in page


def test_questions_are_for_who_may_read_the_lesson(client, make, people, asked):
    outsider = make.person()
    for path in ("/questions/1", "/courses/one-page/second/questions"):
        stranger = in_language(client.application.test_client(), "en")
        assert stranger.get(path).status_code == 403
        use(client, outsider)
        answer = client.get(path)
        assert answer.status_code == 403 and "Why does it stop?" not in text_of(answer)
    assert post(client, "/courses/one-page/second/questions", PARTS).status_code == 403
    assert post(client, "/questions/1", {"body_md": "x"}).status_code == 403
    assert "Why does it stop?" not in text_of(client.get("/courses/one-page/-/questions"))
    assert post(client, "/questions/1/unmark").status_code == 403
    assert (
        client.get("/questions/1/edit").status_code == 404
        or client.get("/questions/1/edit").status_code == 403
    )


def test_under_a_preview_a_stranger_reads_without_names(client, people):
    use(client, people[0])
    post(client, "/courses/one-page/first/questions", PARTS)
    stranger = in_language(client.application.test_client(), "en")
    for path in ("/courses/one-page/first", "/questions/1", "/courses/one-page/first/questions"):
        page = text_of(stranger.get(path))
        assert "Why does it stop?" in page and "小问" not in page and 'name="scene"' not in page
    assert post(stranger, "/questions/1", {"body_md": "x"}).status_code in (303, 403)


def test_answering_marking_editing(client, site_db, people, asked):
    use(client, people[1])
    assert "No answer yet" in text_of(client.get("/questions/1"))
    refused = post(client, "/questions/1", {"body_md": ""})
    assert refused.status_code == 422
    assert post(client, "/questions/1", {"body_md": "Press *here*."}).status_code == 303
    page = text_of(client.get("/questions/1"))
    assert "<em>here</em>" in page and "/answers/1/edit" in page and "This is the best answer" not in page
    assert post(client, "/answers/1/best").status_code == 403
    stale = post(client, "/answers/1/edit", {"body_md": "mine", "version": "9"})
    assert stale.status_code == 409 and "mine" in text_of(stale) and "Press *here*." in text_of(stale)
    assert post(client, "/answers/1/edit", {"body_md": "Better.", "version": "1"}).status_code == 303
    use(client, people[0])
    page = text_of(client.get("/questions/1"))
    assert "This is the best answer" in page and "/questions/1/edit" not in page and "changed on" not in page
    assert client.get("/answers/1/edit").status_code == 403
    assert post(client, "/answers/1/best").status_code == 303
    assert "Best answer" in text_of(client.get("/questions/1"))
    assert "solved" in text_of(client.get("/courses/one-page/second/questions"))
    assert post(client, "/questions/1/unmark").status_code == 303
    with site_db.session() as session:
        assert session.get_one(Question, 1).best_answer_id is None


def test_the_asker_edits_until_there_is_an_answer(client, people, asked):
    page = text_of(client.get("/questions/1/edit"))
    assert "On my phone" in page
    stale = post(client, "/questions/1/edit", {**PARTS, "scene": "mine", "version": "7"})
    assert stale.status_code == 409 and "mine" in text_of(stale)
    assert post(client, "/questions/1/edit", {**PARTS, "ask": "Really?", "version": "1"}).status_code == 303
    assert "Really?" in text_of(client.get("/questions/1"))


def test_an_instructor_hides_with_a_reason(client, site_db, people, asked):
    use(client, people[1])
    post(client, "/questions/1", {"body_md": "Rude words"})
    assert client.get("/desk/questions").status_code == 403
    assert post(client, "/desk/questions/answers/1/hide", {"reason": "x"}).status_code == 403
    use(client, people[2])
    assert post(client, "/desk/questions/answers/1/hide", {"reason": ""}).status_code == 422
    assert post(client, "/desk/questions/answers/1/hide", {"reason": "No insults"}).status_code == 303
    assert post(client, "/desk/questions/1/hide", {"reason": "Asked twice"}).status_code == 303
    assert "Show again" in text_of(client.get("/questions/1"))
    use(client, people[1])
    assert client.get("/questions/1").status_code == 404
    assert "Why does it stop?" not in text_of(client.get("/courses/one-page/second/questions"))
    use(client, people[0])
    page = text_of(client.get("/questions/1"))
    assert "Asked twice" in page and "Rude words" not in page
    use(client, people[2])
    assert post(client, "/desk/questions/1/show").status_code == 303
    assert post(client, "/desk/questions/answers/1/show").status_code == 303
    with site_db.session() as session:
        assert session.get_one(Answer, 1).hidden_at is None and session.get_one(Question, 1).answers == 1


def test_the_desk_shows_the_oldest_unanswered_first(client, clock, people, asked):
    use(client, people[0])
    post(client, "/courses/one-page/first/questions", {**PARTS, "ask": "And this?"})
    use(client, people[2])
    page = text_of(client.get("/desk/questions"))
    assert page.index("Why does it stop?") < page.index("And this?")
    post(client, "/questions/1", {"body_md": "So."})
    page = text_of(client.get("/desk/questions?course=1"))
    assert "Why does it stop?" not in page and "And this?" in page
    assert "Instructor" in text_of(client.get("/questions/1"))
    post(client, "/questions/2", {"body_md": "So."})
    assert "Every question has an answer" in text_of(client.get("/desk/questions"))
    assert "Every question of this course" in text_of(client.get("/desk/questions?course=1"))


def test_searching_and_filtering_a_course(client, people, asked):
    use(client, people[1])
    post(client, "/courses/one-page/first/questions", {**PARTS, "ask": "And this?"})

    def found(**query):
        return text_of(client.get("/courses/one-page/-/questions", query_string=query))

    assert "Why does it stop?" in found() and "And this?" in found()
    assert "Why does it stop?" not in found(state="mine") and "And this?" in found(state="mine")
    assert "And this?" not in found(q="stop") and "Nothing found" in found(q="zebra")
    use(client, people[0])
    post(client, "/questions/1", {"body_md": "I found it."})
    post(client, "/answers/1/best")
    assert "Why does it stop?" not in found(state="open")


def test_asking_is_limited(make_app, people):
    client = make_app(QUNCLUB_RATE_LIMITS="yes").test_client()
    use(client, people[0])
    codes = [post(client, "/courses/one-page/second/questions", PARTS).status_code for _ in range(11)]
    assert codes == [303] * 10 + [429]


def test_the_pages_cost_the_same_at_any_length(client, site_db, people, asked):
    counts = []
    for many in (1, 12):
        use(client, people[1])
        for _ in range(many):
            post(client, "/courses/one-page/second/questions", PARTS)
            post(client, "/questions/1", {"body_md": "x"})
        use(client, people[2])
        sizes = []
        for path in (
            "/courses/one-page/second",
            "/courses/one-page/second/questions",
            "/courses/one-page/-/questions",
            "/questions/1",
            "/desk/questions",
        ):
            client.get(path)
            with count_statements(site_db.engine) as seen:
                assert client.get(path).status_code == 200
            sizes.append(seen.count)
        counts.append(sizes)
    assert counts[0] == counts[1]


def test_the_mails_say_it_in_both_languages(app, client, make, people, asked):
    from qunclub.jobs import dispatch

    use(client, people[2])
    post(client, "/questions/1", {"body_md": "So."})
    post(client, "/desk/questions/1/hide", {"reason": "Asked twice"})
    with app.app_context():
        state = app.extensions["qunclub"]
        sent = []
        state.mailer = type("Kept", (), {"send": lambda self, message: sent.append(message)})()
        dispatch(state)
    texts = [f"{message.subject}\n{message.body}" for message in sent]
    assert any("Why does it stop?" in text and "/questions/1" in text for text in texts)
    assert any("Asked twice" in text for text in texts)
