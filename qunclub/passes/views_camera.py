"""The camera at the door: frames of a video, or one photo, read by the club where the browser cannot."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from qunclub.kernel import N_, Invalid, NotFound
from qunclub.web import allow, club, current_actor, explain, form_errors, limit, reading, see_other
from qunclub.web.urls import path_to

from . import codes, tickets, views_door
from .forms import DoorForm
from .forms_door import PhotoForm

bp = Blueprint("door_camera", __name__)
MOST_FRAME = 400 * 1024


def _host() -> str:
    return str(current_actor().member_id)


@bp.post("/door/read")
@allow("host")
@limit("240 per minute", name="door_frames", key=_host)
def read() -> Any:
    """One frame of the camera, or the text that the browser found in it; answers where the ticket's page is.

    204: no code in the picture. 404 with a sentence: a code, but no ticket; it is written down unless the page says
    ``again``, that the frame before it was none either.
    """
    if (request.content_length or 0) > MOST_FRAME:
        return jsonify(error="too large"), 413
    text = request.form.get("text", "")[: codes.LONGEST_TEXT]
    if not text:
        upload = request.files.get("frame")
        try:
            text = (codes.read(upload.stream.read(MOST_FRAME + 1)) if upload else None) or ""
        except Invalid:
            text = ""
    if not text:
        return Response(status=204)
    with reading() as session:
        try:
            found = tickets.look(session, text=text, secret=club().secret)
        except tickets.BadTicket as error:
            wrong = explain(error)
        else:
            wrong, signed = "", tickets.sign(found.ticket.code, club().secret)
    if wrong:
        if "again" not in request.form:
            # The same picture is sent three times a second: it is one try.
            views_door.note_unknown("camera")
        return jsonify(error=wrong), 404
    views_door.note_refused(signed, "camera")
    return jsonify(page=path_to("qunclub.tickets.check", signed=signed, way="camera"))


@bp.post("/door/photo")
@allow("host")
@limit("60 per minute", name="door_photos", key=_host)
def photo() -> Any:
    """A photo of a ticket, for browsers without a camera in the page or without scripts."""
    form = PhotoForm()
    if form.validate_on_submit():
        with form_errors(form):
            text = codes.read(form.photo.data.stream.read(codes.MOST_BYTES + 1))
            if text is None:
                raise Invalid(
                    N_("No QR code was found in the photo: hold the phone closer, or type the code."),
                    field="photo",
                )
            try:
                with reading() as session:
                    found = tickets.look(session, text=text, secret=club().secret)
                    signed = tickets.sign(found.ticket.code, club().secret)
            except NotFound as error:
                form.refuse(error)
                views_door.note_unknown("camera")
            else:
                views_door.note_refused(signed, "camera")
                return see_other("qunclub.tickets.check", signed=signed, way="camera")
    return views_door.door_page(DoorForm(formdata=None), form), 422
