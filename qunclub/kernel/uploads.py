"""Pictures from outside are hostile until shown otherwise: recognised by content, measured, decoded and written anew.

What is written anew holds pixels only: whatever was hidden in the file (places, names, scripts) is left behind.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from . import ids
from .errors import N_, Invalid
from .ports import FileStore

MAX_PIXELS = 40_000_000
MAX_SIDE = 20_000
SHOWN_SIDE = 4_096
MAX_NAME = 100
IMAGES = {
    "image/png": ("PNG", ".png"),
    "image/jpeg": ("JPEG", ".jpg"),
    "image/webp": ("WEBP", ".webp"),
    "image/gif": ("GIF", ".png"),
}
PICTURES = frozenset({"image/png", "image/jpeg", "image/webp"})
"""What is kept of pictures: the only types ever shown in a page."""
AUDIO = {"audio/mpeg": ".mp3", "audio/mp4": ".m4a", "audio/ogg": ".ogg", "audio/x-wav": ".wav"}
SAME = {
    "audio/m4a": "audio/mp4", "audio/x-m4a": "audio/mp4", "audio/wav": "audio/x-wav", "video/x-m4v": "video/mp4",
}  # fmt: skip
"""Other names of types, as they are recognised."""
RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)$")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """A file as it will be kept."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A checked file whose bytes already lie in the file store."""

    name: str
    content_type: str
    size: int
    sha256: str
    storage_key: str


def clean_name(name: str) -> str:
    """A file name without folders, control or invisible characters, and not longer than the club keeps.

    >>> clean_name("../../etc/passwd")
    'passwd'
    """
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # Cc: control, Cf: invisible and direction-changing, Cs/Co/Cn: not characters at all.
    kept = "".join(ch for ch in base if unicodedata.category(ch) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    kept = re.sub(r'[<>:"|?*%\s]+', " ", kept).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    if not dot:
        stem, ending = kept, ""
    if RESERVED.match(stem) or not stem:
        stem = f"file {stem}".strip()
    return f"{stem[: MAX_NAME - len(ending) - 1]}{dot}{ending}" if len(ending) <= 10 else stem[:MAX_NAME]


def reencode(data: bytes, kind: str, shown: str, *, field: str = "files") -> tuple[str, bytes]:
    """A picture decoded and written anew: its type, and bytes that hold pixels only (first frame, no metadata)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=[IMAGES[kind][0]]) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
                    raise Invalid(
                        N_("%(name)s has too many pixels; make it smaller than %(limit)s megapixels."),
                        field=field,
                        name=shown,
                        limit=MAX_PIXELS // 1_000_000,
                    )
                # A large photograph is decoded at a fraction of its size, which keeps memory small.
                picture.draft("RGB", (SHOWN_SIDE, SHOWN_SIDE))
                picture.load()
                return _write(picture, kind)
    except Invalid:
        raise
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        MemoryError,
        OverflowError,
    ):
        raise Invalid(
            N_("%(name)s is damaged, or not the picture it says it is."), field=field, name=shown
        ) from None


def _write(picture: Image.Image, kind: str) -> tuple[str, bytes]:
    upright = ImageOps.exif_transpose(picture)
    see_through = upright.has_transparency_data and kind != "image/jpeg"
    pixels = upright.convert("RGBA" if see_through else "RGB")
    pixels.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    # A new canvas: nothing but pixels comes along.
    clean = Image.new(pixels.mode, pixels.size)
    clean.paste(pixels)
    out = io.BytesIO()
    if kind == "image/jpeg":
        clean.save(out, "JPEG", quality=88)
        return "image/jpeg", out.getvalue()
    if kind == "image/webp":
        clean.save(out, "WEBP", quality=88)
        return "image/webp", out.getvalue()
    clean.save(out, "PNG", compress_level=6)
    return "image/png", out.getvalue()


def ending_of(name: str) -> str:
    """The ending of a file name, with its dot, in small letters."""
    base = clean_name(name)
    return "." + base.rpartition(".")[2].lower() if "." in base else ""


def named(shown: str, ending: str) -> str:
    """*shown* with another ending, and no second one inside."""
    stem = shown.rpartition(".")[0] if "." in shown else shown
    # shot.php.png would be a script to a careless server that it is copied to.
    return f"{stem.replace('.', '_')}{ending}"


@contextmanager
def stored(store: FileStore, files: Sequence[Checked], *, folder: str) -> Iterator[list[StoredFile]]:
    """Keep the bytes under random keys before the transaction that names them; forget them when it fails.

    Args:
        folder: what the keys begin with: whose files they are.
    """
    kept: list[StoredFile] = []
    try:
        for one in files:
            key = f"{folder}/{ids.token(24)}"
            digest = hashlib.sha256(one.data).hexdigest()
            kept.append(StoredFile(one.name, one.content_type, len(one.data), digest, key))
            store.put(key, one.data)
        yield kept
    except BaseException:
        for entry in kept:
            store.delete(entry.storage_key)
        raise
