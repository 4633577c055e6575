"""Spoken comments: sent while one reviews, played to the author in the pieces their player asks for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from sqlalchemy.orm import Session

from qunclub.kernel import Invalid, scanning
from qunclub.kernel.uploads import Upload, stored
from qunclub.web import allow, club, current_actor, explain, member_id, now, reading, see_other, transact
from qunclub.web.ranges import give_out_ranges

from . import queries_voice, services_voice, voice_files

bp = Blueprint("desk_voice", __name__)
FIELD = "voice"


def keep_sent(submission_id: int) -> int | None:
    """Keep the recording that came with this request, if there is one; its id.

    Raises:
        Invalid: on ``voice``, when it cannot be taken.
    """
    sent = request.files.get(FIELD)
    if sent is None or not sent.filename:
        return None
    actor, moment = current_actor(), now()
    # One byte more than allowed is enough to know.
    checked = voice_files.check(Upload(sent.filename, sent.stream.read(voice_files.MAX_BYTES + 1)))
    scanning.scan_all(club().scanner, [checked], field=FIELD)
    with stored(club().files, [checked], folder="voice") as kept:

        def command(session: Session) -> int:
            return services_voice.keep(
                session, submission_id=submission_id, file=kept[0], actor=actor, now=moment
            ).id

        return transact(command)


@bp.post("/desk/<int:submission_id>/voice")
@allow("instructor")
def keep(submission_id: int) -> Any:
    """A recording from the page's script."""
    try:
        ident = keep_sent(submission_id)
    except Invalid as error:
        return jsonify(message=explain(error)), 422
    if ident is None:
        return see_other("qunclub.desk.show", submission_id=submission_id)
    return jsonify(id=ident, url=url_for(".play", voice_id=ident))


@bp.get("/homework/voice/<int:voice_id>")
@allow("signed_in")
def play(voice_id: int) -> Response:
    """The sound, whole or a piece of it; asked anew each time who may hear it."""
    with reading() as session:
        row = queries_voice.heard_by(
            session, voice_id, member_id=member_id(), instructor=current_actor().has("instructor")
        )
        facts: dict[str, Any] = {
            "key": row.storage_key, "size": row.size, "etag": row.sha256[:32], "modified": row.created_at,
            "content_type": row.content_type, "name": f"comment{voice_files.ENDINGS.get(row.content_type, '')}",
        }  # fmt: skip
    return give_out_ranges(**facts, inline=True)
