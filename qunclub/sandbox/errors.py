"""Refusals in the shape of Stripe's error objects."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than 200.

    Args:
        message: Stripe's sentence for it.
        param: the parameter at fault, written as in the form (``line_items[0][quantity]``).
        kind: Stripe's error ``type``.
        saved: whether the answer is kept under the request's idempotency key: only once work had begun.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        saved: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message}}
        if code:
            self.body["error"]["code"] = code
        if param:
            self.body["error"]["param"] = param


def missing(thing: str, object_id: str, param: str) -> ApiError:
    """Nothing has that id."""
    return ApiError(f"No such {thing}: '{object_id}'", status=404, code="resource_missing", param=param)
