"""Randomness of the club: codes people read aloud and tokens nobody can guess."""

from __future__ import annotations

import random
import re
import secrets
import unicodedata

# Crockford's base 32: no I, L, O, U, so a code survives being read over the phone.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS = bytes(ord(ALPHABET[byte % 32]) for byte in range(256))


def code(length: int = 10) -> str:
    """A random upper-case code (5 bits a character) without look-alike letters."""
    return secrets.token_bytes(length).translate(_LETTERS).decode()


def token(nbytes: int = 24) -> str:
    """An unguessable URL-safe token."""
    return secrets.token_urlsafe(nbytes)


def normalise_code(text: str) -> str:
    """What a person typed, as a code: upper case, O read as 0, I and L as 1, everything else dropped."""
    mapped = text.upper().translate(str.maketrans("OIL", "011"))
    return "".join(ch for ch in mapped if ch in ALPHABET)


def slugify(text: str) -> str:
    """A lower-case ASCII slug; a text without ASCII letters (Chinese) gives a random one."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    return slug[:60] or code(8).lower()


def jitter() -> float:
    """A number in [0, 1) to spread retries with; never for secrets."""
    return random.random()
