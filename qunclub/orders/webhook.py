"""Where the gateway tells us things: the signature is checked on the raw body, the rest is the inbox's."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request

from qunclub.kernel.payments import BadSignature
from qunclub.web import allow, club, csrf_exempt

from . import jobs_inbox

bp = Blueprint("orders_webhook", __name__)

LARGEST = 256 * 1024


@bp.post("/webhooks/stripe")
@csrf_exempt
@allow("anyone")
def stripe() -> Any:
    """Take one notification. 400: not genuine. 500: not handled, so that the gateway sends it again."""
    state = club()
    if request.content_length is not None and request.content_length > LARGEST:
        return jsonify(error="too large"), 413
    payload = request.get_data()
    try:
        notification = state.gateway.parse_notification(payload, request.headers.get("Stripe-Signature", ""))
    except BadSignature as error:
        return jsonify(error=error.code or "bad signature"), 400
    outcome, failure = jobs_inbox.receive(state, notification, payload.decode())
    if failure is not None:
        return jsonify(error="not handled; it is kept and will be tried again"), 500
    return jsonify(outcome=outcome), 200
