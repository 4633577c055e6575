"""Forms about the chats of groups."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import BooleanField, DateField, HiddenField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from qunclub.web import Form, SelectField, _l

from .views_words import KIND_LABELS


class WayInForm(Form):
    """Where a group's chat is."""

    kind = SelectField(_l("Kind of chat"), choices=list(KIND_LABELS.items()))
    entry_url = StringField(
        _l("Link into the group's chat"),
        [Length(max=500)],
        description=_l("Members see it, with a QR code, after they accepted the covenant."),
        render_kw={"inputmode": "url", "placeholder": "https://"},
    )
    picture = FileField(
        _l("QR picture of the chat"),
        description=_l("For a chat that has no link, such as a WeChat group: the picture its app shows."),
    )
    drop_picture = BooleanField(_l("Take the QR picture away"))
    expires_on = DateField(
        _l("Good until the end of"),
        [Optional()],
        description=_l(
            "Hosts are reminded two days before; afterwards neither link nor picture is shown. A new WeChat picture "
            "without a day is good for seven days."
        ),
    )
    entry_note = TextAreaField(
        _l("How to get in"),
        [Length(max=2000)],
        description=_l("For example whom to add, and what to write in the request."),
        render_kw={"rows": 3},
    )
    ref = StringField(
        _l("Number of the Telegram group"),
        [Length(max=20)],
        description=_l(
            "Only for a group in which the club's bot is an administrator: it answers requests to join. "
            "The page of the bot lists the groups it was put into."
        ),
        render_kw={"placeholder": "-100…", "inputmode": "text"},
    )
    version = HiddenField()


class SayForm(Form):
    """Something the bot is to say."""

    body = TextAreaField(
        _l("Announcement"),
        [Length(max=4000)],
        description=_l("Everybody in the chat reads it, under the bot's name. Plain text."),
        render_kw={"rows": 4},
    )
    key = HiddenField()
