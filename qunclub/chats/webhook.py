"""Where Telegram tells us things: its secret is checked, the update is taken in, and the work is left to the outbox."""

from __future__ import annotations

import hmac
import json
from typing import Any

from flask import Blueprint, jsonify, request

from qunclub.kernel import halves
from qunclub.web import allow, club, csrf_exempt, now, transact

from . import services_join
from .jobs import secret_of

bp = Blueprint("chats_webhook", __name__)
LARGEST = 256 * 1024
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@bp.post("/webhooks/telegram")
@csrf_exempt
@allow("anyone")
def telegram() -> Any:
    """Take one update. 403: not from Telegram. 500: not taken in, so that Telegram tells it again."""
    state = club()
    if not state.settings.telegram_token:
        return jsonify(error="no bot"), 404
    if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), secret_of(state).encode()):
        return jsonify(error="wrong secret"), 403
    if request.content_length is None or request.content_length > LARGEST:
        return jsonify(error="too large"), 413
    try:
        # Telegram cannot be told to write a name anew.
        update = halves.mended(json.loads(request.get_data()))
    except (ValueError, RecursionError):
        return jsonify(error="not JSON"), 400
    outcome = transact(lambda session: services_join.take(session, update, now=now()))
    return jsonify(outcome=outcome), (400 if outcome == "nothing" else 200)
