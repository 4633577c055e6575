"""Accounts with e-mail and password for the standalone site: services, pages, and the identity of a request."""

from . import services
from .identity import AccountsIdentity, install, signed_in_id, unverified
from .views import ENDPOINTS, bp

__all__ = ["ENDPOINTS", "AccountsIdentity", "bp", "install", "services", "signed_in_id", "unverified"]
