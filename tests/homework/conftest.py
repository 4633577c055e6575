"""A course with homework, somebody who may do it, somebody who reviews it."""

import pytest

from tests.support.pages import in_language, sign_in


@pytest.fixture
def work(make):
    """Published homework with a rubric of two criteria."""
    return make.assignment(course=make.course(slug="one-page", title="从零到一页"), title="旧页改造")


@pytest.fixture
def author(make, work):
    """(account, member) with a pass that opens the course."""
    from qunclub.courses.models import Course

    account, member = make.person(name="Author")
    plan = make.plan(slug="basic", courses=[Course(id=work.course_id)])
    make.pass_(plan, member)
    return account, member


@pytest.fixture
def teacher(make):
    """(account, member) of an instructor."""
    return make.person(name="Teacher", roles=("instructor",))


@pytest.fixture
def visit(app):
    """``visit(account)``: a browser of one's own, signed in, speaking English."""

    def browser(account=None, language="en"):
        client = app.test_client()
        if account is not None:
            sign_in(client, account)
        return in_language(client, language)

    return browser
