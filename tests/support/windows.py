"""Windows of a browser without script: what stands in a form of a page, and what pressing one of its buttons sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


class _Form(HTMLParser):
    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted, self.found = wanted, False
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self._inside, self._area, self._asleep = False, "", 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # What a <template> holds is on no page yet.
        self._asleep += tag == "template"
        if self._asleep:
            return
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == self.wanted
            self.found = self.found or self._inside
        if not (self._inside or given.get("form") == self.wanted) or not (name := given.get("name")):
            return
        kind = given.get("type", "text")
        if tag == "textarea":
            self._area, self.fields[name] = name, ""
        elif tag == "button" or kind == "submit":
            self.buttons.append((name, given.get("value", "")))
        elif tag == "input" and (kind not in ("radio", "checkbox") or "checked" in given):
            self.fields[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        self._asleep -= tag == "template"
        if tag == "textarea":
            self._area = ""
        elif tag == "form":
            self._inside = False


@dataclass
class Form:
    """A form as a browser holds it."""

    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


def form_of(html: str, ident: str) -> Form | None:
    """The form with the id *ident*; None when the page has none."""
    parser = _Form(ident)
    parser.feed(html)
    return Form(parser.fields, parser.buttons) if parser.found else None
