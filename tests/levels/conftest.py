"""Browsers for the pages of the path."""

import pytest

from tests.support.pages import in_language, sign_in


@pytest.fixture
def visit(app):
    """``visit(account)``: a browser of one's own, signed in, speaking English."""

    def browser(account=None, language="en"):
        client = app.test_client()
        if account is not None:
            sign_in(client, account)
        return in_language(client, language)

    return browser
