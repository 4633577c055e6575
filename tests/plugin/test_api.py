"""The API in a host app, with and without a CSRFProtect of the host's own."""

import pytest


@pytest.mark.parametrize("name", ["bare", "full"])
def test_the_api_works_in_a_host_and_leaves_it_alone(make_host, name):
    host = make_host(name).prepare()

    assert "stays in its place" in host.script("check_api")
