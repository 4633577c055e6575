"""Security headers, the request id, and one structured log line a request."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

from flask import Response, g, request

from qunclub.kernel import clock, ids

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'{pay}"
)
log = logging.getLogger("qunclub.request")


def begin() -> None:
    """Give the request an id (a proxy's own when it sends a sane one) and start its watch."""
    given = request.headers.get("X-Request-ID", "")
    g.qunclub_request_id = (
        given if 8 <= len(given) <= 64 and given.replace("-", "").isalnum() else ids.code(16)
    )
    g.qunclub_started = clock.monotonic()


def on_every_page(*, pay_origin: str, secure: bool) -> dict[str, str]:
    """The headers that every page of the club carries."""
    # A form may end, by redirect, on the gateway's pay page: Chromium checks form-action for redirects too.
    found = {
        "Content-Security-Policy": CSP.format(pay=f" {pay_origin}" if pay_origin else ""),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if secure:
        found["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return found


def finish(response: Response, *, carried: Mapping[str, str]) -> Response:
    """Set the headers that every page of the club carries where the view has not, and log the request."""
    headers = response.headers
    request_id = g.get("qunclub_request_id", "")
    missing = {**carried, "X-Request-ID": request_id}
    if response.mimetype == "text/html":
        # Pages speak of their reader: no shared cache may keep them.
        missing["Cache-Control"] = "private, no-store"
        headers.add("Vary", "Accept-Language, Cookie")
    there = {name.lower() for name in headers.keys()}  # noqa: SIM118 - iterating headers gives pairs
    headers.extend((name, value) for name, value in missing.items() if name.lower() not in there)
    if log.isEnabledFor(logging.INFO):
        # Made by hand: ``log.info`` would look through the stack for a caller that no line of ours names.
        record = logging.LogRecord(log.name, logging.INFO, __file__, 0, "request", (), None)
        record.facts = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "ms": round((clock.monotonic() - g.get("qunclub_started", clock.monotonic())) * 1000, 1),
        }
        log.handle(record)
    return response


class Formatter(logging.Formatter):
    """One line a record: JSON, or ``key=value`` for people; the request id on every line."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.json = style == "json"

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        facts: dict[str, Any] = {
            "at": clock.utcnow().isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        with contextlib.suppress(RuntimeError):  # outside any app context there is no request
            facts["request_id"] = g.get("qunclub_request_id")
        facts |= getattr(record, "facts", {})
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        if self.json:
            return json.dumps(
                {k: v for k, v in facts.items() if v is not None}, ensure_ascii=False, default=str
            )
        head = f"{facts.pop('at')} {facts.pop('level'):<7} {facts.pop('logger')} {facts.pop('event')}"
        trace = facts.pop("exception", None)
        tail = " ".join(f"{k}={v}" for k, v in facts.items() if v is not None)
        return f"{head} {tail}" + (f"\n{trace}" if trace else "")


def configure_logging(level: str, style: str) -> None:
    """Send the club's log to standard error; a host's own logging is left alone."""
    root = logging.getLogger("qunclub")
    root.setLevel(level)
    if not any(isinstance(handler.formatter, Formatter) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Formatter(style))
        root.addHandler(handler)
        root.propagate = False
