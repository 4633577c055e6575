"""The link in a mail that ends such mails: signed, so that it works without signing in and for nobody else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from qunclub.kernel.keys import Secret, accepted, signing

_PURPOSE = b"qunclub.notices-off:"
_SHAPE = re.compile(r"(\d{1,18})\.([a-z_]{1,20})\.([\w-]{20,50})", re.ASCII)


def sign(member_id: int, kind: str, secret: Secret) -> str:
    """What the link carries."""
    return f"{member_id}.{kind}.{_signature(member_id, kind, signing(secret))}"


def verify(text: str, secret: Secret) -> tuple[int, str] | None:
    """Member and kind of a link of ours; None for whatever is not one.

    >>> verify(sign(7, "mention", "s"), "s"), verify(sign(7, "mention", "s"), "t"), verify("7.mention.x", "s")
    ((7, 'mention'), None, None)
    >>> verify("7.mention." + 20 * "群", "s"), verify("٧" + sign(7, "mention", "s")[1:], "s")
    (None, None)
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    member_id, kind = int(found[1]), found[2]
    if not any(hmac.compare_digest(_signature(member_id, kind, one), found[3]) for one in accepted(secret)):
        return None
    return member_id, kind


def _signature(member_id: int, kind: str, secret: str) -> str:
    digest = hmac.new(secret.encode(), _PURPOSE + f"{member_id}:{kind}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()
