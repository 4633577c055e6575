"""The form base: Flask-WTF without its own token (``web.csrf`` checks every POST), speaking the visitor's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import wtforms
from flask_wtf import FlaskForm
from wtforms import fields
from wtforms.i18n import get_translations

from qunclub.kernel import Invalid

from .i18n import _, explain, locale

YEARS = (1970, 2200)
"""Between them every zone has its day: at the ends of the calendar one more hour, or another zone, is no date."""


@cache
def _translations(code: str) -> Any:
    # Read once: WTForms would look for the file for each form that is made.
    return get_translations([code])


def _each(of: Any) -> Iterator[Any]:
    """Every field of a form, those of the forms within it too."""
    for field in of:
        if isinstance(field, fields.FormField):
            yield from _each(field.form)
        elif isinstance(field, fields.FieldList):
            yield from _each(field.entries)
        else:
            yield field


class Form(FlaskForm):
    """Base of the club's forms."""

    class Meta(FlaskForm.Meta):
        """No second token; WTForms' own messages in the visitor's language."""

        csrf = False

        @property
        def locales(self) -> list[str]:
            """WTForms has its messages in Chinese as ``zh``."""
            return ["zh"] if locale() == "zh" else ["en"]

        def get_translations(self, form: Any) -> Any:
            """WTForms' own catalogues; Flask-WTF would ask Flask-Babel, which a host may not have."""
            return _translations(*self.locales)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Besides what the fields ask: no date or moment outside of :data:`YEARS`."""
        fine: bool = super().validate(extra_validators)
        for field in _each(self):
            typed = field.data
            if isinstance(typed, dt.date) and not YEARS[0] <= typed.year <= YEARS[1]:
                said = _("Choose a year from %(first)s to %(last)s.", first=YEARS[0], last=YEARS[1])
                field.errors = [*field.errors, said]
                fine = False
        return fine


# Younger than the published type information.
SelectChoice: Any = fields.choices.SelectChoice  # type: ignore[attr-defined]


def _options(given: Any) -> Any:
    """Pairs of value and label as WTForms wants them; whatever else is left as it is."""
    if given is None or isinstance(given, dict | Callable):
        return given
    return [SelectChoice(*one) if isinstance(one, tuple) else one for one in given]


_kept: Any = wtforms.SelectField.__dict__["choices"]


class _Pairs(wtforms.SelectField):
    """Choices are said as pairs of value and label; WTForms no longer takes those itself."""

    def __init__(self, *given: Any, choices: Any = None, **more: Any) -> None:
        more["choices"] = _options(choices)
        super().__init__(*given, **more)

    @property
    def choices(self) -> Any:
        """As WTForms keeps them."""
        return _kept.fget(self)

    @choices.setter
    def choices(self, given: Any) -> None:
        _kept.fset(self, _options(given))


class SelectField(_Pairs):
    """One of a list."""


class SelectMultipleField(_Pairs, wtforms.SelectMultipleField):
    """Any of a list."""


class RadioField(_Pairs, wtforms.RadioField):
    """One of a list, all of it seen."""


def version_in(text: str | None) -> int:
    """The version that a form's hidden field names; 0 where it names none, which is stale wherever there is one.

    >>> version_in("7"), version_in(""), version_in("seven"), version_in(None)
    (7, 0, 0, 0)
    """
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


@contextmanager
def form_errors(form: FlaskForm) -> Iterator[None]:
    """Put a service's :class:`Invalid` on the field it names (or on the form).

    The block ends quietly; look at ``form.errors`` to know whether it succeeded.
    """
    try:
        yield
    except Invalid as error:
        refuse(form, error)


def refuse(form: FlaskForm, error: Invalid) -> None:
    """Put a refusal on the field it names, or on the form."""
    field = form._fields.get(error.field)
    if field is None:
        form.form_errors.append(explain(error))
    else:
        field.errors = [*field.errors, explain(error)]
