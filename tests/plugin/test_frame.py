"""Two frames in one app: the host's pages stay the host's, the club's stay the club's."""

from __future__ import annotations

import pytest

PLAIN = """<!doctype html><html><head><title>{% block title %}{% endblock %}</title>
{% include "qunclub/head.html" %}{% block meta %}{% endblock %}</head>
<body><nav>the host's frame: {{ "x"|date }} {{ _("A word of theirs") }}</nav>
<main>{% block main %}{% endblock %}</main></body></html>"""


@pytest.mark.parametrize("name", ["bare", "full"])
def test_pages_errors_filters_and_files(make_host, name):
    host = make_host(name).prepare()

    assert "the frames hold" in host.script("check_frame")


def put(host, path: str, text: str) -> None:
    """A template of the host's."""
    target = host.folder / "templates" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_a_template_of_the_host_replaces_ours(make_host):
    host = make_host("bare").prepare()
    put(host, "qunclub/passes/index.html", "{% for one in offers %}only {{ one.title }}{% endfor %}")

    page = host.script("show_page", SHOW="/club/passes")

    assert page.strip() == "only The full pass"


def test_a_template_of_the_host_extends_ours(make_host):
    host = make_host("bare").prepare()
    put(
        host,
        "qunclub/passes/index.html",
        '{% extends "@qunclub/passes/index.html" %}{% block main %}<p>Ask us first.</p>{{ super() }}{% endblock %}',
    )

    page = host.script("show_page", SHOW="/club/passes")

    assert page.index("Ask us first.") < page.index("The full pass")
    assert "qc-header" in page


def test_the_pages_wear_the_frame_of_the_host(make_host):
    host = make_host("bare", QUNCLUB_BASE_TEMPLATE="frame.html").prepare()
    put(host, "frame.html", PLAIN)

    page = host.script("show_page", SHOW="/club/passes")
    lost = host.script("show_page", SHOW="/club/passes/nothing")

    # In the host's frame its own filters hold, in our page inside it ours.
    assert "the host's frame: host-date:x host-text:A word of theirs" in page
    assert "/club/assets/css/parts.css" in page
    assert "The full pass" in page
    assert "199.00" in page
    assert "qc-header" not in page
    assert "the host's frame" in lost


def test_two_apps_in_one_process_are_two_clubs(make_host):
    host = make_host("full").prepare()

    assert "two clubs" in host.script("check_two_clubs")


def test_no_admin_is_made_where_the_people_are_the_hosts(make_host):
    host = make_host("bare").prepare()

    said = host.flask(
        *(
            "qunclub",
            "admin",
            "create",
            "--email",
            "a@example.org",
            "--name",
            "A",
            "--password",
            "long enough 1",
        ),
        fails=True,
    )

    assert "give them the role admin" in said
    assert "jobs_too" in host.flask("qunclub", "worker", fails=True)


@pytest.mark.slow
def test_every_page_of_the_demo_stays_inside_its_host(make_host):
    host = make_host("bare")
    host.script("prepare", WITHOUT_SEED="1")

    assert "nothing leads astray" in host.script("check_crawl")
