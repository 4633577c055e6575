"""Uploaded files in a local folder or in S3, through obstore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, from_url

if TYPE_CHECKING:
    from qunclub.config import Settings


class ObjectFiles:
    """Bytes under keys. Names and types live in the database: a local store keeps no attributes."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def put(self, key: str, data: bytes) -> None:
        """Store *data* under *key*."""
        obstore.put(self.store, key, data)

    def get(self, key: str) -> bytes:
        """The bytes under *key*.

        Raises:
            KeyError: when there are none.
        """
        try:
            return bytes(obstore.get(self.store, key).bytes())
        except (NotFoundError, FileNotFoundError):
            raise KeyError(key) from None

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """*length* bytes from *start* on, fewer where the end comes first; nothing else is read.

        Raises:
            KeyError: when there is nothing under *key*.
        """
        try:
            return bytes(obstore.get_range(self.store, key, start=start, length=length))
        except (NotFoundError, FileNotFoundError):
            raise KeyError(key) from None

    def has(self, key: str) -> bool:
        """Whether there is something under *key*."""
        try:
            obstore.head(self.store, key)
        except (NotFoundError, FileNotFoundError):
            return False
        return True

    def delete(self, key: str) -> None:
        """Forget *key*; missing is fine."""
        try:
            obstore.delete(self.store, key)
        except (NotFoundError, FileNotFoundError):
            return


def make_store(settings: Settings) -> ObjectFiles:
    """S3 for an ``s3://`` URL, else a folder (made when missing)."""
    if settings.files_url.startswith("s3://"):
        return ObjectFiles(from_url(settings.files_url))
    folder = settings.files_url or str(settings.instance_path / "files")
    return ObjectFiles(LocalStore(folder, mkdir=True))
