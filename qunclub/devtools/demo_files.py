"""Makes the files of the demo's course on charts: twelve months as tones, and a table to practise on.

``python -m qunclub.devtools.demo_files`` writes them anew; every machine makes the same bytes, and a test says so.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "demo" / "content" / "courses" / "true-charts" / "files"
RATE = 8_000
MONTHS = (58, 38, 49.4, 50, 52, 49, 51, 50, 48, 47, 49, 52)
"""Takings by month, in ten thousand yuan, of the shop in the lesson: the least in February, and the most by the day."""
DAYS = (31, 19, 31, 30, 31, 30, 31, 31, 30, 27, 30, 31)
STAMP = (2000, 1, 1, 0, 0, 0)
MESSY = "门店,一季度,,备注\r\n,线上,线下,\r\n城东,3.2万,81000,2月装修\r\n城西,-,7.6万,线上未开\r\n"
CLEAN = (
    "store,quarter,channel,amount_yuan,note\r\n"
    "城东,2025Q1,线上,32000,2月装修12天\r\n"
    "城东,2025Q1,线下,81000,2月装修12天\r\n"
    "城西,2025Q1,线上,,线上未开\r\n"
    "城西,2025Q1,线下,76000,\r\n"
)


def _tone(height: float, seconds: float) -> list[int]:
    """A tone of *height* (0 to 1, an octave and a half from 220 Hz), swelling and fading, as eight-bit samples."""
    pitch = 220 * 2 ** (height * 1.5)
    count = int(RATE * seconds)
    made = []
    for at in range(count):
        swell = min(1.0, at / 400, (count - at) / 800)
        made.append(128 + round(90 * swell * math.sin(2 * math.pi * pitch * at / RATE)))
    return made


def tones() -> bytes:
    """The months as they are, a breath, then by the day: February is the lowest tone first, and then the highest."""
    samples: list[int] = []
    by_day = [takings / days for takings, days in zip(MONTHS, DAYS, strict=True)]
    for row, low, high in ((MONTHS, 30, 65), (by_day, 1.4, 2.1)):
        for value in row:
            samples += _tone((value - low) / (high - low), 0.25)
        samples += [128] * int(RATE * 0.6)
    body = bytes(samples)
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE, 1, 8)
    data = struct.pack("<4sI", b"data", len(body)) + body
    return struct.pack("<4sI4s", b"RIFF", 4 + len(head) + len(data), b"WAVE") + head + data


def tables() -> bytes:
    """Two tables in one archive: as they are handed in, and as they can be calculated with."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in (("messy.csv", MESSY), ("clean.csv", CLEAN)):
            entry = zipfile.ZipInfo(name, STAMP)
            entry.external_attr = 0o644 << 16
            # With a mark at its start, which tells spreadsheets that it is UTF-8.
            archive.writestr(entry, text.encode("utf-8-sig"))
    return buffer.getvalue()


def made() -> dict[str, bytes]:
    """The files by name."""
    return {"practice-table.zip": tables(), "twelve-months.wav": tones()}


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for name, data in made().items():
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
