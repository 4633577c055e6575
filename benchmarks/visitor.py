"""A browser's part in the measuring: it keeps cookies, signs in by the form, and says what it would send."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

HEADERS = {
    "Host": "club.example.com",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
}
SIGN_IN = "/account/sign-in"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Visitor:
    """Somebody with a cookie jar."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """What this visitor sends with every request."""
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**HEADERS, **({"Cookie": jar} if jar else {})}

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and text of one page; with a *form*, of what a POST of it gives."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = self.headers()
            if form is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request(
                "POST" if form is not None else "GET", path, urlencode(form) if form else None, headers
            )
            answer = connection.getresponse()
            text = answer.read().decode()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    key, _, rest = value.partition("=")
                    self.cookies[key] = rest.partition(";")[0]
            return answer.status, text
        finally:
            connection.close()

    def sign_in(self, email: str, password: str) -> None:
        """Sign in as a person does."""
        found = TOKEN.search(self.ask(SIGN_IN)[1])
        token = found.group(1) if found else ""
        status, _ = self.ask(SIGN_IN, {"email": email, "password": password, "csrf_token": token})
        if status != 303:
            raise RuntimeError(f"signing in gave {status}")

    def request(self, path: str) -> bytes:
        """The bytes of a request for *path*, after one visit so that cookies are as on any later one."""
        status, text = self.ask(path)
        if status != 200:
            raise RuntimeError(f"{path} gave {status}: {text[:300]}")
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers().items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()
