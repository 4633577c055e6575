"""The member card as a picture worth keeping: the number very large, name, tier, club, since when."""

from __future__ import annotations

import hashlib
import io
from dataclasses import astuple, dataclass
from functools import lru_cache

import pylopdf_fonts_zh_cn as fonts
from PIL import Image, ImageDraw, ImageFont

SIZE = (1200, 750)
MARGIN = 84
# The same faces as the card on the page: background and the colour of number and tier.
FACES = {"": ("#174f3f", "#f7f4ea"), "diehard": ("#232622", "#ecd09a"), "core": ("#5a1f24", "#f3d9a8")}
INK = "#f7f4ea"
VERSION = 1
"""Part of the ETag: a new design is a new picture."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What stands on a card, in the language of its reader; *face* is one of :data:`FACES`."""

    number: int
    name: str
    tier: str
    club: str
    since: str
    no_label: str = "No."
    face: str = ""

    @property
    def etag(self) -> str:
        """Changes when the picture would."""
        text = "\x1f".join(str(part) for part in (VERSION, *astuple(self)))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@lru_cache(maxsize=32)
def _font(kind: str, size: int) -> ImageFont.FreeTypeFont:
    path = fonts.serif_path() if kind == "serif" else fonts.sans_path()
    return ImageFont.truetype(str(path), size)


def _fitting(text: str, kind: str, size: int, width: int) -> ImageFont.FreeTypeFont:
    """The largest font up to *size* in which *text* is at most *width* wide."""
    while size > 24 and _font(kind, size).getlength(text) > width:
        size -= 8
    return _font(kind, size)


@lru_cache(maxsize=64)
def draw(facts: CardFacts) -> bytes:
    """The card as PNG."""
    paper, accent = FACES.get(facts.face, FACES[""])
    soft = _mix(INK, paper, 0.25)
    image = Image.new("RGB", SIZE, paper)
    canvas = ImageDraw.Draw(image)
    width, height = SIZE
    inner = width - 2 * MARGIN
    # Rings like those of a tree, cut by the edge: members join around what was there before.
    for step in range(9):
        radius = 150 + step * 62
        centre = (width - 40, height + 20)
        canvas.ellipse(
            (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius),
            outline=_mix(paper, accent, 0.14),
            width=2,
        )
    tier_font = _fitting(facts.tier, "sans", 36, inner // 3)
    club_width = inner - int(tier_font.getlength(facts.tier)) - 48
    canvas.text(
        (MARGIN, MARGIN),
        facts.club,
        font=_fitting(facts.club, "serif", 44, club_width),
        fill=INK,
        anchor="ls",
    )
    canvas.text((width - MARGIN, MARGIN), facts.tier, font=tier_font, fill=accent, anchor="rs")
    canvas.line((MARGIN, MARGIN + 34, width - MARGIN, MARGIN + 34), fill=_mix(paper, INK, 0.3), width=2)
    label = _font("sans", 44)
    digits = _fitting(str(facts.number), "sans", 320, inner - 120)
    canvas.text((MARGIN, 470), facts.no_label, font=label, fill=soft, anchor="ls")
    left = MARGIN + int(label.getlength(facts.no_label)) + 28
    canvas.text((left, 470), str(facts.number), font=digits, fill=accent, anchor="ls")
    since_font = _font("sans", 32)
    name_width = inner - int(since_font.getlength(facts.since)) - 48
    canvas.text(
        (MARGIN, height - MARGIN),
        facts.name,
        font=_fitting(facts.name, "serif", 60, name_width),
        fill=INK,
        anchor="ls",
    )
    canvas.text((width - MARGIN, height - MARGIN), facts.since, font=since_font, fill=soft, anchor="rs")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _mix(low: str, high: str, share: float) -> tuple[int, int, int]:
    one, two = (tuple(int(text[at : at + 2], 16) for at in (1, 3, 5)) for text in (low, high))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, two, strict=True))
    return red, green, blue
