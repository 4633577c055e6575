"""The picture of a shown work that goes with its link: 1200 by 630, its title and sentence beside its first picture."""

from __future__ import annotations

import hashlib
import io
from dataclasses import astuple, dataclass
from functools import lru_cache

import pylopdf_fonts_zh_cn as fonts
from PIL import Image, ImageDraw, ImageFont, ImageOps

SIZE = (1200, 630)
PAPER, INK, SOFT, ACCENT, LINE = "#fbf9f2", "#232622", "#5f645e", "#174f3f", "#d8cfae"
EDGE = 72
PICTURE_WIDTH = 460
VERSION = 1
"""Part of the ETag: a new design is a new picture."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What stands on the picture, in the language of its reader.

    Attributes:
        words: the author's sentence, or the beginning of the text.
        picture: the storage key of the work's first picture, "" without one; what is under a key never changes.
    """

    club: str
    label: str
    title: str
    author: str
    course: str
    words: str
    picture: str

    @property
    def etag(self) -> str:
        """Changes when the picture would."""
        text = "\x1f".join(str(part) for part in (VERSION, *astuple(self)))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@lru_cache(maxsize=16)
def _font(kind: str, size: int) -> ImageFont.FreeTypeFont:
    path = fonts.serif_path() if kind == "serif" else fonts.sans_path()
    return ImageFont.truetype(str(path), size)


def wrapped(text: str, kind: str, size: int, width: int, most: int) -> list[str]:
    """*text* in at most *most* lines that are no wider than *width*; what does not fit ends in an ellipsis.

    Chinese breaks between any two characters, other words as long as they fit into a line.
    """
    font = _font(kind, size)
    lines: list[str] = []
    rest = " ".join(text.split())
    while rest and len(lines) < most:
        n = _fitting(rest, font, width)
        if n < len(rest) and len(lines) == most - 1:
            kept = _fitting(rest, font, width - round(font.getlength("…")))
            lines.append(rest[:kept].rstrip() + "…")
            break
        if n < len(rest) and rest[n - 1].isascii() and rest[n].isascii():
            # A word goes to the next line whole, if that leaves more than a stub.
            space = rest.rfind(" ", 0, n + 1)
            n = space if space > n // 2 else n
        lines.append(rest[:n].rstrip())
        rest = rest[n:].lstrip()
    return lines


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: int) -> int:
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low


@lru_cache(maxsize=8)
def png(facts: CardFacts, picture: bytes) -> bytes:
    """The card as PNG; *picture* holds the bytes of the work's first picture, or nothing."""
    image = Image.new("RGB", SIZE, PAPER)
    canvas = ImageDraw.Draw(image)
    width, height = SIZE
    inner = width - 2 * EDGE
    if picture:
        with Image.open(io.BytesIO(picture)) as found:
            shown = ImageOps.fit(_flat(found), (PICTURE_WIDTH, height))
        image.paste(shown, (width - PICTURE_WIDTH, 0))
        inner -= PICTURE_WIDTH - EDGE // 3
    canvas.rectangle((0, 0, 11, height), fill=ACCENT)
    canvas.text((EDGE, 96), facts.label, font=_font("sans", 28), fill=ACCENT, anchor="ls")
    y = 176
    for line in wrapped(facts.title, "serif", 60, inner, 2):
        canvas.text((EDGE, y), line, font=_font("serif", 60), fill=INK, anchor="ls")
        y += 76
    y += 2
    for line in wrapped(facts.words, "sans", 30, inner, 4 if y < 300 else 3):
        canvas.text((EDGE, y), line, font=_font("sans", 30), fill=SOFT, anchor="ls")
        y += 46
    canvas.line((EDGE, height - 158, EDGE + inner, height - 158), fill=LINE, width=2)
    for text, size, down, fill in ((facts.author, 34, 106, INK), (facts.course, 26, 62, SOFT)):
        fits = "".join(wrapped(text, "sans", size, inner - 210, 1))
        canvas.text((EDGE, height - down), fits, font=_font("sans", size), fill=fill, anchor="ls")
    club = wrapped(facts.club, "serif", 30, 200, 1)
    canvas.text((EDGE + inner, height - 62), "".join(club), font=_font("serif", 30), fill=ACCENT, anchor="rs")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _flat(picture: Image.Image) -> Image.Image:
    picture.thumbnail((1400, 1400))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    flat = Image.new("RGB", picture.size, "#ffffff")
    solid = picture.convert("RGBA")
    flat.paste(solid, mask=solid.getchannel("A"))
    return flat
