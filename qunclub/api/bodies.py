"""Reading the JSON that a program sends: what no database takes is refused by the name of its field."""

from __future__ import annotations

from typing import Any

from flask import Request
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from qunclub.kernel.halves import misfits


class Parser(FlaskParser):
    """webargs' own, for bodies whose texts are texts."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body; 400 for one with more levels than Python reads."""
        try:
            return super().load_json(req, schema)
        except RecursionError:
            raise ValidationError("Invalid JSON body.") from None

    def pre_load(self, location_data: Any, *, schema: Schema, req: Request, location: str) -> Any:
        """What was sent, as it is; 422 by field for half a pair of surrogates or the character zero."""
        wrong = misfits(location_data) if location == "json" else None
        if wrong is not None:
            raise ValidationError(wrong)
        return location_data
