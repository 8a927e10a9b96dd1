"""What the server keeps of a password (RFC 5802, RFC 7677): made here, so that no statement ever holds the password."""

import hashlib
import hmac
import os
from base64 import b64encode

from common.secret import Secret

_ITERATIONS = 4096
_SALT = 16


def verifier(password: Secret) -> str:
    """As ``pg_authid.rolpassword`` holds it. Its letters are those of base64, ``-``, ``:`` and ``$``."""
    salt = os.urandom(_SALT)
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password.reveal()).encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_, stored_, server_ = (b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt_}${stored_}:{server_}"


def prepared(password: str) -> str:
    """As clients of PostgreSQL prepare it: by SASLprep (RFC 4013), or untouched where that forbids it."""
    if password.isascii():
        return password
    import stringprep  # with its tables of Unicode: 1 MB, and few passwords need them
    import unicodedata

    mapped = "".join(" " if stringprep.in_table_c12(each) else each for each in password
                     if not stringprep.in_table_b1(each))
    normal = unicodedata.normalize("NFKC", mapped)
    forbidden = (stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4,
                 stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8,
                 stringprep.in_table_c9, stringprep.in_table_a1)
    right = [stringprep.in_table_d1(each) for each in normal]
    left = any(map(stringprep.in_table_d2, normal))
    crossed = any(right) and (left or not (right[0] and right[-1]))
    if not normal or crossed or any(table(each) for table in forbidden for each in normal):
        return password
    return normal
