"""Forms of the admins' own pages."""

from __future__ import annotations

from typing import Any

from wtforms import StringField, TextAreaField
from wtforms.validators import Length

from qunclub.web import Form, _l


class ProfileForm(Form):
    """What the club says of itself on its front page, in both languages."""

    tagline_zh = StringField(
        _l("One sentence, Chinese"), [Length(max=80)], description=_l("Shown large on the front page.")
    )
    tagline_en = StringField(_l("One sentence, English"), [Length(max=120)])
    about_zh = TextAreaField(
        _l("About the club, Chinese"),
        [Length(max=20_000)],
        description=_l("Markdown: what happens here, and the house rules."),
        render_kw={"rows": 14},
    )
    about_en = TextAreaField(_l("About the club, English"), [Length(max=20_000)], render_kw={"rows": 14})

    def values(self) -> dict[str, dict[str, str]]:
        """As it is kept: by part, by language."""
        return {
            part: {code: (self[f"{part}_{code}"].data or "").strip() for code in ("zh", "en")}
            for part in ("tagline", "about")
        }

    @staticmethod
    def filled(kept: dict[str, Any]) -> ProfileForm:
        """The form with what is kept."""
        data = {
            f"{part}_{code}": kept.get(part, {}).get(code, "").strip()
            for part in ("tagline", "about")
            for code in ("zh", "en")
        }
        return ProfileForm(formdata=None, data=data)
