"""The outermost layer: the path as the client wrote it, and no identity that a client claims for itself.

WSGI servers decode ``PATH_INFO``, so that ``%2F`` in a user's name reads like a border between two names. Routing
therefore runs on the encoded path, and the parts are decoded one by one afterwards.
"""

import re
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

Environ = MutableMapping[str, Any]
Wsgi = Callable[[Any, Any], Iterable[bytes]]

_PLAIN = re.compile("[A-Za-z0-9._~-]*")
_SAFE = "!$&'()*+,;=:@~-._"
_IDENTITY = ("HTTP_X_PROJECT", "HTTP_X_TENANT", "HTTP_X_USER", "HTTP_X_ROLE", "HTTP_X_DOMAIN", "HTTP_X_IDENTITY",
             "HTTP_X_SERVICE_", "HTTP_X_IS_ADMIN", "HTTP_X_SYSTEM", "HTTP_OPENSTACK_SYSTEM", "HTTP_X_TRUST",
             "HTTP_X_TOKEN", "HTTP_X_AUTH_PROJECT", "HTTP_X_AUTH_USER", "HTTP_X_AUTH_ROLE")
_CREDENTIALS = ("HTTP_X_SERVICE_TOKEN",)


class Entry:
    """Wraps the application; what authenticates goes between the two, behind this."""

    def __init__(self, application: Wsgi) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        strip_identity(environ)
        environ["PATH_INFO"] = normalise(encoded(environ))
        return self._application(environ, start_response)


def strip_identity(environ: Environ) -> None:
    """Takes out the headers by which an authenticating layer tells who asks; a client that sends them lies."""
    for key in [key for key in environ if key.startswith(_IDENTITY) and key not in _CREDENTIALS]:
        del environ[key]


def encoded(environ: Environ) -> str:
    """The path below the application, percent-encoded as it came where the server tells, else encoded again."""
    raw: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    mount = quote(environ.get("SCRIPT_NAME", "").encode("latin-1"), safe=_SAFE + "/")
    path = raw.partition("?")[0] if raw.startswith("/") else urlsplit(raw).path
    if path.startswith(mount + "/"):
        return path[len(mount):]
    return quote(environ.get("PATH_INFO", "").encode("latin-1"), safe=_SAFE + "/") or "/"


def normalise(path: str) -> str:
    """Without a slash at the end and a ``.json`` behind the last part, and with a name in one part.

    What is above the projects keeps its ``.json``: ``/openapi.json`` is called so.
    A name of a user or a database keeps its ``.json``. ``users/a@10.0.0.0/255.0.0.0`` is one user whose host has a
    slash: python-troveclient encodes neither that nor a database's name.
    """
    parts = path.rstrip("/").split("/")
    noun = parts[5] if len(parts) > 6 and parts[3] == "instances" else ""
    if noun == "users":
        return "/".join(parts[:6] + _user(parts[6:]))
    if noun == "databases":
        return "/".join([*parts[:6], "%2F".join(parts[6:])])
    if len(parts) > 3:
        parts[-1] = parts[-1].removesuffix(".json")
    return "/".join(parts) or "/"


def decode(part: str) -> str:
    """One part of a path. Raises UnicodeDecodeError."""
    return unquote_to_bytes(part).decode()


def encode(part: str) -> str:
    return part if _PLAIN.fullmatch(part) else quote(part, safe="")


def _user(rest: list[str]) -> list[str]:
    """``rest`` of a path behind ``users/``: the user, then perhaps ``databases``, then perhaps a database."""
    for tail in (2, 1):
        if len(rest) > tail and rest[-tail].removesuffix(".json" if tail == 1 else "") == "databases":
            return ["%2F".join(rest[:-tail]), "databases", *rest[len(rest) - tail + 1:]]
    return ["%2F".join(rest)]
