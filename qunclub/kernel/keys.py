"""The key that signs tickets and links, and earlier ones that are still believed while a key is changed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that signs, and those whose signatures are accepted beside its own.

    Attributes:
        current: signs.
        previous: signed before, the latest first.
    """

    current: str = field(repr=False)
    previous: tuple[str, ...] = field(default=(), repr=False)


Secret = str | Keys
"""One key, or a key with those before it."""


def signing(secret: Secret) -> str:
    """The key to sign with.

    >>> signing("a"), signing(Keys("b", ("a",)))
    ('a', 'b')
    """
    return secret.current if isinstance(secret, Keys) else secret


def accepted(secret: Secret) -> tuple[str, ...]:
    """Every key whose signature is good, the one that signs first.

    >>> accepted("a"), accepted(Keys("c", ("b", "a")))
    (('a',), ('c', 'b', 'a'))
    """
    return (secret.current, *secret.previous) if isinstance(secret, Keys) else (secret,)


def oldest_first(secret: Secret) -> list[str]:
    """As itsdangerous takes a list of keys: the last one signs, any of them is read.

    >>> oldest_first(Keys("c", ("b", "a")))
    ['a', 'b', 'c']
    """
    return list(reversed(accepted(secret)))
