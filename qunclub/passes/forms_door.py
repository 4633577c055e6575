"""Forms at the door."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.kernel import ClubError
from qunclub.web import Form, _l, explain


class ForceForm(Form):
    """Why somebody is let in although the ticket does not admit."""

    reason = TextAreaField(
        _l("Why you let them in"),
        [InputRequired(), Length(max=500)],
        description=_l("It is written down with your name, for the admins and the group's hosts."),
        render_kw={"rows": 2, "maxlength": 500},
    )


class PhotoForm(Form):
    """A photo of a ticket, where the camera cannot be used in the page."""

    photo = FileField(
        _l("Photo of the QR code"),
        [FileRequired()],
        description=_l("It is read and thrown away at once."),
        render_kw={"accept": "image/*", "capture": "environment"},
    )

    def refuse(self, error: ClubError) -> None:
        """Say on the field why nothing was read."""
        self.photo.errors = [*self.photo.errors, explain(error)]
