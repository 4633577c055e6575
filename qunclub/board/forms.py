"""Forms of the board."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wtforms import BooleanField, HiddenField, MultipleFileField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.kernel import Conflict, Forbidden, Stale
from qunclub.web import Form, _l, explain, form_errors

from . import files, rules


class WordsForm(Form):
    """Somebody's words; *status* is that of the page that refuses them."""

    status = 422


@contextmanager
def kept(form: WordsForm) -> Iterator[None]:
    """Whatever refuses the words stands over them, and they stay in the form: hours that end, a mute, slow mode."""
    try:
        with form_errors(form):
            yield
    except Stale:
        raise
    except (Forbidden, Conflict) as error:
        form.form_errors.append(explain(error))
        form.status = error.status


class PostForm(WordsForm):
    """A member's post or answer."""

    body_md = TextAreaField(
        _l("Your words"),
        [Length(max=rules.MOST_BODY)],
        description=_l("Markdown. Mention a member with @ and their number."),
    )
    pictures = MultipleFileField(
        _l("Pictures"),
        description=_l("Up to six; only members of the group see them."),
        render_kw={"accept": files.ACCEPT},
    )


class StaffPostForm(PostForm):
    """A host's post."""

    announcement = BooleanField(_l("This is an announcement"))
    title = StringField(
        _l("Title of the announcement"),
        [Length(max=rules.MOST_TITLE)],
        description=_l("Members are told it, and take note with one click."),
    )
    to_chat = BooleanField(
        _l("Say it in the group's chat as well"),
        description=_l("The club's bot says an announcement there, once, with a link to the board."),
    )
    open_answers = BooleanField(_l("Members may answer"), default=True)


class EditForm(WordsForm):
    """One's own words again."""

    body_md = TextAreaField(_l("Your words"), [Length(max=rules.MOST_BODY)], description=_l("Markdown."))
    version = HiddenField()


class StaffEditForm(EditForm):
    """A host's own words again."""

    title = StringField(_l("Title of the announcement"), [Length(max=rules.MOST_TITLE)])
    open_answers = BooleanField(_l("Members may answer"))


class HideForm(Form):
    """Why a post is hidden."""

    reason = TextAreaField(_l("Reason"), [InputRequired(), Length(max=rules.MOST_REASON)])
