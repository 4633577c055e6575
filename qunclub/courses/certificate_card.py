"""The certificate as a sheet worth hanging up: A4 across, as PNG and as PDF, with a code that anybody can check."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from dataclasses import astuple, dataclass
from functools import lru_cache

import pylopdf_fonts_zh_cn as fonts
import segno
from PIL import Image, ImageDraw, ImageFont

# A4 at 150 dots an inch.
SIZE = (1754, 1240)
DPI = 150
PAPER, INK, SOFT, ACCENT, LINE = "#fbf9f2", "#232622", "#5f645e", "#174f3f", "#c9b98c"
VERSION = 1
"""Part of the ETag: a new design is a new picture."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What stands on a certificate, in the language of its reader."""

    club: str
    title: str
    sentence: str
    name: str
    course: str
    date: str
    number: str
    check: str
    url: str
    issued_at: dt.datetime

    @property
    def etag(self) -> str:
        """Changes when the sheet would."""
        text = "\x1f".join(str(part) for part in (VERSION, *astuple(self)))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@lru_cache(maxsize=32)
def _font(kind: str, size: int) -> ImageFont.FreeTypeFont:
    path = fonts.serif_path() if kind == "serif" else fonts.sans_path()
    return ImageFont.truetype(str(path), size)


def _fitting(text: str, kind: str, size: int, width: int) -> ImageFont.FreeTypeFont:
    while size > 12 and _font(kind, size).getlength(text) > width:
        size -= 4
    return _font(kind, size)


def _lines(text: str, kind: str, size: int, width: int) -> list[str]:
    """*text* whole, or in two halves when it would become too small in one line."""
    if _font(kind, size).getlength(text) * 0.6 <= width:
        return [text]
    middle = len(text) // 2
    spaces = [at for at, char in enumerate(text) if char == " "]
    cut = min(spaces, key=lambda at: abs(at - middle), default=middle)
    if abs(cut - middle) > len(text) // 4:
        cut = middle
    return [text[:cut].strip(), text[cut:].strip()]


@lru_cache(maxsize=16)
def png(facts: CertificateFacts) -> bytes:
    """The certificate as PNG."""
    buffer = io.BytesIO()
    _sheet(facts).save(buffer, "PNG", optimize=True, dpi=(DPI, DPI))
    return buffer.getvalue()


@lru_cache(maxsize=16)
def pdf(facts: CertificateFacts) -> bytes:
    """The certificate as a PDF of one page, A4 across."""
    buffer = io.BytesIO()
    stamp = facts.issued_at.utctimetuple()
    _sheet(facts).save(
        buffer,
        "PDF",
        resolution=DPI,
        quality=92,
        title=f"{facts.title} · {facts.course}",
        author=facts.club,
        creationDate=stamp,
        modDate=stamp,
    )
    return buffer.getvalue()


def _sheet(facts: CertificateFacts) -> Image.Image:
    image = Image.new("RGB", SIZE, PAPER)
    canvas = ImageDraw.Draw(image)
    width, height = SIZE
    middle, inner = width // 2, width - 2 * 190
    for inset, thick in ((46, 3), (60, 1)):
        canvas.rectangle((inset, inset, width - inset, height - inset), outline=LINE, width=thick)

    def line(text: str, kind: str, size: int, y: int, fill: str) -> None:
        parts = _lines(text, kind, size, inner)
        font = _fitting(max(parts, key=_font(kind, size).getlength), kind, size, inner)
        # Two lines stand around the place of one.
        top = y - round(font.size * 0.6) * (len(parts) - 1)
        for place, part in enumerate(parts):
            at = (middle, top + place * round(font.size * 1.3))
            canvas.text(at, part, font=font, fill=fill, anchor="ms")

    line(facts.club, "serif", 46, 190, ACCENT)
    line(facts.title, "serif", 92, 350, INK)
    canvas.line((middle - 90, 400, middle + 90, 400), fill=LINE, width=3)
    line(facts.name, "serif", 84, 560, ACCENT)
    line(facts.sentence, "sans", 34, 660, SOFT)
    line(facts.course, "serif", 60, 770, INK)
    line(facts.date, "sans", 34, 860, SOFT)
    code = _qr(facts.url)
    left, top = width - 120 - code.width, height - 120 - code.height
    image.paste(code, (left, top))
    room = left - 120 - 60
    for text, y, size, fill in (
        (facts.number, height - 220, 32, INK),
        (facts.check, height - 172, 26, SOFT),
        (facts.url, height - 130, 26, SOFT),
    ):
        canvas.text((120, y), text, font=_fitting(text, "sans", size, room), fill=fill, anchor="ls")
    return image


def _qr(url: str) -> Image.Image:
    buffer = io.BytesIO()
    # Whole dots only, so that it stays sharp: about 200 of them whatever the address's length.
    made = segno.make(url, error="m", micro=False)
    scale = max(3, 200 // made.symbol_size(border=2)[0])
    made.save(buffer, kind="png", scale=scale, border=2, dark=INK, light=PAPER)
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")
