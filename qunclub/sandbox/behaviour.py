"""How the sandbox is told to misbehave; the package's docstring lists what can be set."""

from __future__ import annotations

from typing import Any

from .errors import ApiError
from .store import Store

DEFAULTS: dict[str, int | str] = {
    "delay_ms": 0,
    "fail_next_api": 0,
    "lose_next_api": 0,
    "settle": "now",
    "renewals": "paid",
    "webhooks": "normal",
    "late_ms": 3000,
    "gather_ms": 400,
}
WORDS = {
    "settle": ("now", "later"),
    "renewals": ("paid", "failed"),
    "webhooks": ("normal", "late", "twice", "reversed", "never"),
}
LARGEST = 60_000


class Behaviour:
    """The switches, kept in the store so that a restart keeps them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, Any]:
        """Every switch as it stands."""
        return {**DEFAULTS, **self._store.setting("behaviour", {})}

    def change(self, wanted: Any) -> dict[str, Any]:
        """Set some switches and give all back.

        Raises:
            ApiError: for a switch or a value that does not exist; then nothing is changed.
        """
        if not isinstance(wanted, dict):
            raise ApiError("Send a JSON object of switches.")
        wanted = dict(wanted)
        with self._store.transaction():
            values = DEFAULTS.copy() if wanted.pop("reset", False) else self.all()
            for name, value in wanted.items():
                if name not in DEFAULTS:
                    raise ApiError(f"No such switch: {name}; there are {', '.join(DEFAULTS)}.", param=name)
                if name in WORDS and value not in WORDS[name]:
                    raise ApiError(f"{name} is one of {', '.join(WORDS[name])}.", param=name)
                if name not in WORDS and not (type(value) is int and 0 <= value <= LARGEST):
                    raise ApiError(f"{name} is a whole number from 0 to {LARGEST}.", param=name)
                values[name] = value
            self._store.set("behaviour", values)
        return self.all()

    def take(self, name: str) -> bool:
        """Use up one of a counted switch; False when there is none left."""
        with self._store.transaction():
            values = self.all()
            if values[name] <= 0:
                return False
            self._store.set("behaviour", {**values, name: values[name] - 1})
        return True
