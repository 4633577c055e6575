"""A visitor without JavaScript: cookies, links and forms over HTTP, and nothing that a page does not offer."""

from __future__ import annotations

import http.cookiejar
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit


@dataclass
class Form:
    """A form as it stands on the page; the buttons apart, for only the pressed one is sent."""

    page: str
    action: str
    method: str = "get"
    multipart: bool = False
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._chosen: list[str] = []
        self._first: str | None = None
        self._area: str | None = None
        self._text: list[str] = []
        self._asleep = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # What a <template> holds is on no page yet, and is not sent.
        self._asleep += tag == "template"
        if self._asleep:
            return
        found = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in found:
            self.links.append(urljoin(self.url, found["href"]))
        if tag in ("img", "script") and "src" in found:
            self.sources.append(urljoin(self.url, found["src"]))
        if tag == "link" and found.get("rel") in ("stylesheet", "icon"):
            self.sources.append(urljoin(self.url, found["href"]))
        if tag == "form":
            self._form = Form(
                self.url,
                urljoin(self.url, found.get("action") or self.url),
                found.get("method", "get").lower(),
                "multipart" in found.get("enctype", ""),
            )
            self.forms.append(self._form)
        elif self._form is not None:
            self._control(tag, found)

    def _control(self, tag: str, found: dict[str, str]) -> None:
        assert self._form is not None
        name, kind = found.get("name", ""), found.get("type", "text")
        if tag == "button" or (tag == "input" and kind in ("submit", "image")):
            self._form.buttons.append((name, found.get("value", "")))
        elif tag == "input" and name and kind in ("checkbox", "radio"):
            if "checked" in found:
                self._form.fields.append((name, found.get("value", "on")))
        elif tag == "input" and name and kind != "file":
            self._form.fields.append((name, found.get("value", "")))
        elif tag == "textarea":
            self._area, self._text = name, []
        elif tag == "select":
            self._select, self._chosen, self._first = name, [], None
        elif tag == "option" and self._select is not None:
            value = found.get("value", "")
            self._first = value if self._first is None else self._first
            if "selected" in found:
                self._chosen.append(value)

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._asleep -= tag == "template"
        if self._asleep:
            return
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._form is not None and self._area is not None:
            self._form.fields.append((self._area, "".join(self._text).removeprefix("\n")))
            self._area = None
        elif tag == "select" and self._form is not None and self._select is not None:
            chosen = self._chosen or ([self._first] if self._first is not None else [])
            self._form.fields += [(self._select, value) for value in chosen]
            self._select = None


class Page:
    """An answer: where it came from at last, its status, its text, its links and forms."""

    def __init__(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.url = url
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body
        self.text = body.decode("utf-8", "replace")
        read = _Reader(url)
        if "html" in self.headers.get("content-type", ""):
            read.feed(self.text)
        self.forms, self.links, self.sources = read.forms, read.links, read.sources

    @property
    def path(self) -> str:
        """The path of the page."""
        return urlsplit(self.url).path

    def form(self, ending: str) -> Form:
        """The first form whose action's path ends so."""
        for one in self.forms:
            if urlsplit(one.action).path.endswith(ending):
                return one
        raise AssertionError(f"no form to …{ending} on {self.url}, only {[f.action for f in self.forms]}")

    def link(self, part: str) -> str:
        """The first link whose address has *part* in it."""
        for one in self.links:
            if part in one:
                return one
        raise AssertionError(f"no link with {part} on {self.url}, only {self.links}")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """The visitor follows by itself, to see every step."""


class Visitor:
    """One person at a browser."""

    def __init__(self, site: str, language: str = "en") -> None:
        self.site = site
        self.language = language
        self.steps: list[str] = []
        self.pages: list[Page] = []
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), _Stay()
        )

    def open(self, address: str, *, expect: int = 200) -> Page:
        """Go to an address, relative to the site."""
        return self._go(urllib.request.Request(urljoin(self.site + "/", address)), expect)

    def send(
        self,
        form: Form,
        *,
        press: str = "",
        expect: int = 200,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        **typed: str,
    ) -> Page:
        """Fill a form in and press the button called *press* (the first one if it has no name)."""
        named = [one for one in form.buttons if one[0]]
        pressed = [(name, value) for name, value in named if press and press in (name, value)][:1]
        assert pressed or not press, f"no button {press} at {form.action}, only {named}"
        values = [(name, value) for name, value in form.fields if name not in typed]
        values += [*typed.items(), *pressed]
        if form.method == "get":
            return self.open(form.action.partition("?")[0] + "?" + urlencode(values), expect=expect)
        if form.multipart:
            mark = secrets.token_hex(12)
            data, kind = _multipart(values, files or {}, mark), f"multipart/form-data; boundary={mark}"
        else:
            data, kind = urlencode(values).encode(), "application/x-www-form-urlencoded"
        asked = urllib.request.Request(
            form.action, data=data, headers={"Content-Type": kind, "Referer": form.page}
        )
        return self._go(asked, expect)

    def _go(self, asked: urllib.request.Request, expect: int) -> Page:
        for _hop in range(12):
            asked.add_header("Accept-Language", self.language)
            self.steps.append(f"{asked.get_method()} {asked.full_url}")
            try:
                with self._opener.open(asked, timeout=30) as answer:
                    page = Page(asked.full_url, answer.status, dict(answer.headers), answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    page = Page(asked.full_url, error.code, dict(error.headers), error.read())
            if page.status not in (301, 302, 303, 307, 308):
                assert page.status == expect, f"{self.steps[-4:]}: {page.status}\n{page.text[:6000]}"
                self.pages.append(page)
                return page
            asked = urllib.request.Request(urljoin(page.url, page.headers["location"]))
        raise AssertionError(f"too many redirects: {self.steps[-12:]}")


def _multipart(values: list[tuple[str, str]], files: Mapping[str, tuple[str, bytes]], mark: str) -> bytes:
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in values
    ]
    parts += [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'.encode()
        + b"Content-Type: application/octet-stream\r\n\r\n"
        + content
        + b"\r\n"
        for name, (filename, content) in files.items()
    ]
    return b"".join(parts) + f"--{mark}--\r\n".encode()
