"""Forms of one's own page."""

from __future__ import annotations

from wtforms import PasswordField, StringField

from qunclub.web import Form, _l


class LeaveForm(Form):
    """That somebody means it: the name typed out, and the password where the club keeps one."""

    name = StringField(_l("Your name, as it stands above"), render_kw={"autocomplete": "off"})
    password = PasswordField(_l("Present password"), render_kw={"autocomplete": "current-password"})
