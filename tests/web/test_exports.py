"""Tables of record are read while they are sent; whatever becomes of one, its connection is given back."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.pool import QueuePool

from tests.factories import Make
from tests.support.pages import sign_in, text_of

PATHS = ["/admin/people/all.csv", "/admin/audit.csv", "/admin/orders/export.csv"]


@pytest.fixture(autouse=True)
def nobody_tidies() -> Iterator[None]:
    """What the collector of garbage would give back one day does not count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def admin(client: FlaskClient, make: Make) -> FlaskClient:
    return sign_in(client, make.account(roles=("admin",)))


def _taken(app: Flask) -> int:
    with app.app_context():
        pool = app.extensions["sqlalchemy"].engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


@pytest.mark.parametrize("path", PATHS)
def test_read_to_the_end(app: Flask, admin: FlaskClient, path: str) -> None:
    for _time in range(3):
        answer = admin.get(path)
        assert answer.status_code == 200 and text_of(answer).startswith("\ufeff")
        answer.close()
    assert _taken(app) == 0


def test_broken_off(app: Flask, admin: FlaskClient, make: Make) -> None:
    """Whoever closes the window half-way takes no connection along."""
    for _one in range(600):
        make.member()
    answer = admin.get(PATHS[0])
    parts = answer.iter_encoded()
    first = next(parts)
    assert len(first) > 16_384
    assert _taken(app) == 1
    answer.close()
    assert _taken(app) == 0


def test_a_fault_half_way(app: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from qunclub.web import exports

    def broken(value: object) -> str:
        raise RuntimeError("half-way")

    monkeypatch.setattr(exports, "cell", broken)
    with pytest.raises(RuntimeError, match="half-way"):
        admin.get(PATHS[0]).get_data()
    assert _taken(app) == 0
