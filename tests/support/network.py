"""Tests speak to this machine only: a connection or look-up elsewhere is an error where it is made."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

NAMES = {"", "localhost", "ip6-localhost", "localhost.localdomain"}


class OutsideWorld(RuntimeError):
    """A test tried to reach another machine."""


def is_here(host: Any) -> bool:
    """Whether *host* is this machine."""
    if host is None:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if text.lower() in NAMES or text == socket.gethostname():
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        # A Unix socket's address is a string; packets to nowhere have none.
        if isinstance(address, tuple) and not is_here(address[0]):
            raise OutsideWorld(f"a test tried to reach {address[0]}")
    elif event == "socket.getaddrinfo" and not is_here(arguments[0]):
        raise OutsideWorld(f"a test tried to look up {arguments[0]}")


def forbid() -> None:
    """From now on and until the process ends (audit hooks cannot be taken off)."""
    sys.addaudithook(_hook)
