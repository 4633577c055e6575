"""Remarks in the desk's form: shown at their places, added and taken away without a script too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import request

from qunclub.kernel import N_, Invalid

from . import rules_remarks
from .queries_attempts import AttemptView, FileView
from .queries_remarks import RemarkView
from .rules_remarks import Mark, Paragraph, Passage, Spot, Typed

EXCERPT = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A remark of the form; *found* says whether this attempt has its place."""

    typed: Typed
    found: bool
    file: FileView | None = None

    @property
    def n(self) -> int:
        """Its number in the form."""
        return self.typed.n


@dataclass(frozen=True, slots=True)
class Board:
    """All that the desk shows of remarks: the rows of the form, the marked text, what new ones can be about."""

    rows: list[Row]
    html: str
    paragraphs: list[Paragraph]
    pictures: list[FileView]

    def spots(self, file_id: int) -> list[tuple[str, int, int, int]]:
        """(ident, number, x, y) of the form's spots on a picture."""
        found = [(row, row.typed.spot) for row in self.rows if row.found]
        return [
            (f"new-{row.n}", row.n, spot.x, spot.y) for row, spot in found if spot and spot.file_id == file_id
        ]


def board(typed: Mapping[str, str], attempt: AttemptView) -> Board:
    """The remarks of the form beside *attempt*."""
    text = rules_remarks.plain_text(attempt.body_html)
    pictures = [one for one in attempt.files if one.is_picture]
    rows: list[Row] = []
    marks = [one.mark for one in attempt.remarks if one.mark is not None]
    for one in rules_remarks.typed(typed):
        file, found = None, False
        if isinstance(one.anchor, Passage):
            place = rules_remarks.find(text, one.anchor.start, one.anchor.end, one.anchor.quote)
            if place is not None:
                found = True
                marks.append(Mark(*place, f"new-{one.n}", one.n))
        elif isinstance(one.anchor, Spot) and one.anchor.attempt_id == attempt.id:
            file = next((entry for entry in pictures if entry.id == one.anchor.file_id), None)
            found = file is not None
        rows.append(Row(one, found, file))
    return Board(
        rows,
        rules_remarks.highlight(attempt.body_html, marks),
        rules_remarks.paragraphs(attempt.body_html),
        pictures,
    )


def as_typed(attempt: AttemptView, remarks: Sequence[RemarkView]) -> dict[str, str]:
    """Saved remarks as fields of the form that wrote them."""
    form: dict[str, str] = {}
    for n, one in enumerate(remarks, 1):
        anchor: Passage | Spot
        if one.file_id is not None:
            anchor = Spot(attempt.id, one.file_id, one.x or 0, one.y or 0)
        else:
            anchor = Passage(attempt.id, one.start or 0, one.end or 0, one.quote)
        form |= rules_remarks.fields_of(Typed(n, anchor, one.body_md))
    return form


def added(attempt: AttemptView) -> dict[str, str]:
    """The form with the remark that its button asks for.

    Raises:
        Invalid: on field ``remarks``, when the place is not to be found.
    """
    form = dict(request.form)
    if form["remark"] == "passage":
        paragraph = request.form.get("new-paragraph", 0, type=int)
        anchor: Passage | Spot = rules_remarks.chosen(
            attempt.body_html, attempt.id, paragraph, form.get("new-quote", "").replace("\r\n", "\n")
        )
    else:
        file_id = request.form.get("new-file", 0, type=int)
        if file_id not in [one.id for one in attempt.files if one.is_picture]:
            raise Invalid(N_("Choose the picture that the remark is about."), field="remarks")
        middle = rules_remarks.WHOLE // 2
        anchor = Spot(attempt.id, file_id, middle, middle)
    for name in ("new-paragraph", "new-quote", "new-file"):
        form.pop(name, None)
    return form | rules_remarks.fields_of(Typed(rules_remarks.next_n(form), anchor, ""))
