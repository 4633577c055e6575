"""What a service may say no with. The web turns each into a page, a field error or a flash."""

from __future__ import annotations

from typing import Any


def N_(message: str) -> str:
    """Mark *message* for translation and give it back unchanged; the edge translates it."""
    return message


class ClubError(Exception):
    """A refusal with a message for people.

    Args:
        message: a msgid with ``%(name)s`` placeholders, marked with :func:`N_`.
        params: the values of the placeholders.
    """

    status = 422

    def __init__(self, message: str, **params: Any) -> None:
        super().__init__(message % params if params else message)
        self.message = message
        self.params = params


class NotFound(ClubError):
    """There is no such thing, or not for this visitor."""

    status = 404

    def __init__(
        self, message: str = N_("We could not find what you were looking for."), **params: Any
    ) -> None:
        super().__init__(message, **params)


class Forbidden(ClubError):
    """The visitor may not do this; *how* says what would give access."""

    status = 403

    def __init__(self, message: str, *, how: str = "", **params: Any) -> None:
        super().__init__(message, **params)
        self.how = how


class Conflict(ClubError):
    """The thing is in a state in which this cannot be done."""

    status = 409


class Stale(Conflict):
    """Somebody else saved first, or a lease ran out; nothing was overwritten."""


class Invalid(ClubError):
    """Input that cannot be taken; *field* names the form field."""

    def __init__(self, message: str, *, field: str = "", **params: Any) -> None:
        super().__init__(message, **params)
        self.field = field
