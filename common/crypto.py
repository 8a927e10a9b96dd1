"""Symmetric sealing with PyNaCl's secretbox (XSalsa20-Poly1305): keys of 32 bytes, random nonces, base64 text.

libsodium is called through PyNaCl's ``_sodium``: ``nacl.bindings`` would bring all of its algorithms, 17 modules and
0.3 MB that an agent has no use for. A test opens with ``nacl.secret`` what is sealed here.
"""

import binascii
import hmac
import os

from nacl._sodium import ffi, lib

from .secret import Secret

KEY_BYTES: int = lib.crypto_secretbox_keybytes()
NONCE_BYTES: int = lib.crypto_secretbox_noncebytes()
_MAC_BYTES: int = lib.crypto_secretbox_macbytes()

if lib.sodium_init() < 0:
    raise ImportError("libsodium cannot be used on this machine")


class Unopened(Exception):
    """What was to be opened is not what this key sealed: another key, a changed byte, or no sealed data at all."""


class Key:
    """One secretbox key. Never seen in a repr, never pickled; ``text`` is the only way out."""

    __slots__ = ("_bytes",)

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError unless ``raw`` is 32 bytes."""
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(raw)}")
        self._bytes = raw

    @classmethod
    def generate(cls) -> "Key":
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def from_text(cls, text: Secret) -> "Key":
        """From base64. Raises ValueError for anything that is not 32 bytes in base64."""
        try:
            return cls(from_base64(text.reveal()))
        except Unopened:
            raise ValueError("a key is written in base64") from None

    def text(self) -> Secret:
        """The key in base64."""
        return Secret(to_base64(self._bytes))

    def seal(self, plain: bytes) -> bytes:
        """Nonce and ciphertext; 40 bytes longer than ``plain``, and different every time."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = ffi.new("unsigned char[]", _MAC_BYTES + len(plain))
        lib.crypto_secretbox_easy(sealed, plain, len(plain), nonce, self._bytes)
        return nonce + bytes(ffi.buffer(sealed))

    def open(self, sealed: bytes) -> bytes:
        """Raises Unopened."""
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        length = len(body) - _MAC_BYTES
        if length < 0:
            raise Unopened("too short")
        plain = ffi.new("unsigned char[]", max(1, length))
        if lib.crypto_secretbox_open_easy(plain, body, len(body), nonce, self._bytes):
            raise Unopened("not sealed with this key, or changed since")
        opened = bytes(ffi.buffer(plain, length))
        lib.sodium_memzero(plain, length)
        return opened

    def seal_text(self, plain: bytes) -> str:
        """``plain`` is ours now, and is wiped."""
        sealed = to_base64(self.seal(plain))
        wipe(plain)
        return sealed

    def open_text(self, sealed: str) -> bytes:
        """Raises Unopened."""
        return self.open(from_base64(sealed))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> int:
        return hash((Key, self._bytes))

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Key is not pickled: pickle would write it in clear")


def wipe(data: bytes | memoryview) -> None:
    """Overwrites in place what nobody else has, and no literal: freed memory would keep it."""
    if len(data) > 1:  # shorter ones are shared by all of Python
        lib.sodium_memzero(ffi.from_buffer(data), len(data))


def to_base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(text: str) -> bytes:
    """Raises Unopened for anything but one line of the standard alphabet."""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        raise Unopened("not base64") from None


def random_id() -> str:
    """32 hex digits, as oslo.messaging writes its ids."""
    return os.urandom(16).hex()
