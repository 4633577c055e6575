"""Saving what somebody else may have changed meanwhile: the page comes again, with what was typed."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from flask_wtf import FlaskForm

from qunclub.kernel import Invalid, Stale

from .forms import refuse, version_in
from .i18n import explain


class Saving:
    """One attempt to save a form with a hidden field ``version``; the page is rendered from it either way.

    >>> saving = Saving(form, row.version)              # doctest: +SKIP
    >>> if form.validate_on_submit():                   # doctest: +SKIP
    ...     with saving:
    ...         transact(lambda session: save(session, version=saving.seen, …))
    ...     if saving.done:
    ...         return see_other(…)
    >>> return render(…, form=form, stale=saving.stale), saving.status     # doctest: +SKIP

    A service's ``Invalid`` goes to its field. On ``Stale`` what was typed stays in the form; saving again from there is
    a decision, so the form carries the version that stands now. Whatever else is raised goes on.

    Attributes:
        stale: why nothing was saved, in the visitor's language; empty when nobody came before.
        done: whether it was saved.
    """

    def __init__(self, form: FlaskForm, version: int) -> None:
        """Of *form*, about something whose *version* stands now."""
        self._form: Any = form
        self._version = version
        self.stale = ""
        self.done = False

    @property
    def seen(self) -> int:
        """The version that whoever typed had before them."""
        return version_in(self._form.version.data)

    @property
    def status(self) -> int:
        """Of the page that is shown again: 409, 422, or 200 before anything was sent."""
        return 409 if self.stale else 422 if self._form.errors else 200

    def __enter__(self) -> Saving:
        """Try."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        """Note how it went."""
        if isinstance(error, Stale):
            self.stale, self._form.version.data = explain(error), str(self._version)
        elif isinstance(error, Invalid):
            refuse(self._form, error)
        self.done = error is None
        return isinstance(error, Stale | Invalid)
