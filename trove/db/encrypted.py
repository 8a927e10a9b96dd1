"""Columns that hold text sealed under the installation's key file (XChaCha20-Poly1305).

A sealed text is bound to its table, column and row: moved to another place it does not open there. Nothing is sealed or
opened behind a query's back: a query says so, with the ``Vault`` of its store.
"""

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nacl.exceptions import CryptoError
from nacl.secret import Aead
from sqlalchemy import Column, Dialect, Text
from sqlalchemy.types import TypeDecorator

from common.errors import Internal, Refused
from common.secret import Secret

_DIGESTS = b"trove.digests"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What an encrypted column holds, as base64."""

    text: str


class Encrypted(TypeDecorator[Sealed]):
    """A column that takes and gives ``Sealed`` and nothing else, so that a clear text cannot slip in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is not None and not isinstance(value, Sealed):
            raise TypeError(f"an encrypted column takes Sealed, not {type(value).__name__}")
        return None if value is None else value.text

    def process_result_value(self, value: Any, dialect: Dialect) -> Sealed | None:
        return None if value is None else Sealed(value)


class Vault:
    """Seals and opens under one key of 32 bytes. ``row`` is the primary key of the row that holds the column."""

    def __init__(self, key: bytes) -> None:
        self._box = Aead(key)
        self._digest_key = hashlib.blake2b(key=key, person=_DIGESTS).digest()

    def fingerprint(self, column: Column[Any], data: bytes) -> str:
        """64 hex digits by which ``data`` is known again, and which tell nothing of it without the key."""
        place = _place(column, "")
        return hashlib.blake2b(place + b"\0" + data, digest_size=32, key=self._digest_key).hexdigest()

    def seal(self, column: Column[Any], row: str, secret: Secret) -> Sealed:
        sealed = self._box.encrypt(secret.reveal().encode(), _place(column, row))
        return Sealed(base64.b64encode(sealed).decode())

    def open(self, column: Column[Any], row: str, sealed: Sealed) -> Secret:
        """Raises Internal when it was sealed under another key or for another place."""
        try:
            return Secret(self._box.decrypt(base64.b64decode(sealed.text), _place(column, row)).decode())
        except CryptoError:
            raise Internal(f"What {column.table.name}.{column.name} holds for {row} does not open.",
                           "Start with the key file that the store was made with.") from None


def key_from(path: Path, *, create: bool) -> bytes:
    """The key in the file at ``path`` (base64 of 32 bytes); made there with mode 0600 when ``create``.

    Raises Refused when it is missing, when others may read it, and when it holds something else.
    """
    if create and not path.exists():
        _write_key(path)
    try:
        if path.stat().st_mode & 0o077:
            raise Refused(f"The key file {path} can be read by others.", f"Run: chmod 600 {path}")
        key = base64.b64decode(path.read_text().strip(), validate=True)
    except FileNotFoundError:
        raise Refused(f"The key file {path} is missing, and what the store holds was sealed with it.",
                      "Bring it back from where it was saved.") from None
    except ValueError:
        key = b""
    if len(key) != Aead.KEY_SIZE:
        raise Refused(f"The key file {path} does not hold a key.", "Bring it back from where it was saved.")
    return key


def _write_key(path: Path) -> None:
    """Two processes that start at once end with the same key: the link exists once."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(os.urandom(Aead.KEY_SIZE)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _place(column: Column[Any], row: str) -> bytes:
    return f"{column.table.name}.{column.name}/{row}".encode()
