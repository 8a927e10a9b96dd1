"""The REST API as ``trovectl`` uses it: one project at a time."""

import http.client
import json
import re
import ssl
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from typing import Any

from common import errors
from common.secret import Secret

from .trust import Trust

Json = dict[str, Any]

PROJECT = "demo"
"""The project that ``trovectl`` works in unless it is told; under noauth every name is one."""

TIMEOUT = 60.0
"""Seconds for one answer: the API may have to wait for the instance's agent."""

PATIENCE = 20.0
"""Seconds for which a request whose connection was lost is repeated: the control plane may be starting again."""

REPEAT_EVERY = 0.25

_LOST = (ConnectionResetError, BrokenPipeError, http.client.IncompleteRead, ssl.SSLEOFError,
         ssl.SSLZeroReturnError)
"""What a connection ends with when the other side dies; ``RemoteDisconnected`` is one of the first, and the last
two are what it is under TLS."""


ANY_AUTHORITY = Trust()
"""Those that the system knows."""


class Lost(errors.Unreachable):
    """The connection was there and is gone: nobody knows what became of the request."""


class Contested(errors.Conflict):
    """A 409: of the request itself, or another one with its key is being worked on."""


_KINDS: dict[int, type[errors.TroveError]] = {
    400: errors.Invalid, 404: errors.NotFound, 409: Contested, 413: errors.OverQuota, 422: errors.Conflict,
    500: errors.Internal, 501: errors.Unsupported, 503: errors.Unreachable}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Client:
    """``endpoint``: scheme, host and port. ``timeout`` in seconds.

    Every request raises Unreachable when nobody answers, and what the API refuses with.
    """

    def __init__(self, endpoint: str, project: str = PROJECT, timeout: float = TIMEOUT,
                 trust: Trust = ANY_AUTHORITY, token: Secret | None = None) -> None:
        self.endpoint = endpoint
        self.project = project
        self._trust = trust
        self._token = {} if token is None else {"X-Auth-Token": token.reveal()}
        self.base = f"/v1.0/{part(project)}"
        self._timeout = timeout

    def get(self, path: str, **query: str | None) -> Json:
        """Of ``query``, what is not None."""
        asked = urllib.parse.urlencode({name: text for name, text in query.items() if text is not None})
        return self._ask("GET", f"{path}?{asked}" if asked else path, None)

    def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Done once, however often it has to be sent: a lost connection makes it be repeated under its key."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        try:
            return self._ask("POST", path, body, key)
        except Lost:
            return self._repeat("POST", path, body, key)

    def put(self, path: str, body: Mapping[str, object]) -> Json:
        return self._ask("PUT", path, body)

    def patch(self, path: str, body: Mapping[str, object]) -> Json:
        return self._ask("PATCH", path, body)

    def delete(self, path: str) -> Json:
        return self._ask("DELETE", path, None)

    def every(self, path: str, noun: str, most: int | None = None, **query: str | None) -> list[Json]:
        """The rows of all pages of a list, or the first ``most`` of them; of ``query``, what is not None."""
        page = self.get(path, **query)
        rows: list[Json] = page[noun]
        while (further := _next(page)) and (most is None or len(rows) < most):
            page = self.get(f"{path}?{further}")
            rows += page[noun]
        return rows[:most]

    def answers(self) -> bool:
        """Whether the API is there at all."""
        try:
            self._send("GET", "/healthcheck", None, {})
        except errors.Unreachable:
            return False
        return True

    def _repeat(self, method: str, path: str, body: Mapping[str, object] | None, key: Mapping[str, str]) -> Json:
        until = time.monotonic() + PATIENCE
        while True:
            time.sleep(REPEAT_EVERY)
            try:
                return self._ask(method, path, body, key)
            except (errors.Unreachable, Contested):
                if time.monotonic() > until:
                    raise

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None,
             headers: Mapping[str, str] | None = None) -> Json:
        status, text = self._send(method, self.base + path, body, headers or {})
        try:
            answer: Json = json.loads(text) if text else {}
        except ValueError:
            if status == 400 and b"HTTPS" in text:
                raise errors.Invalid(f"The API at {self.endpoint} speaks TLS alone.", "Name it as https://….") from None
            raise errors.Internal(f"What answers at {self.endpoint} is not Trove.",
                                  "Start Trove on another --port.") from None
        if status >= 400:
            raise _refusal(status, answer)
        return answer

    def _send(self, method: str, path: str, body: Mapping[str, object] | None,
              headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json", "Accept": "application/json",
                                **self._token, **headers})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, ssl.SSLError) and not isinstance(error, _LOST):
                raise _not_trusted(self.endpoint, error) from None
            kind = Lost if isinstance(error, _LOST) else errors.Unreachable
            raise kind(f"The control plane at {self.endpoint} does not answer: {error}.",
                                     "Start it: trovectl up.") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        try:
            where = urllib.parse.urlsplit(self.endpoint)
            host, port = where.hostname, where.port
        except ValueError:
            raise _no_endpoint(self.endpoint) from None
        if where.scheme not in ("http", "https") or not host:
            raise _no_endpoint(self.endpoint)
        if where.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._trust.context())


def part(name: str) -> str:
    """A name as one part of a path."""
    return urllib.parse.quote(name, safe="")


def is_id(name: str) -> bool:
    return _ID.fullmatch(name) is not None


def find(client: Client, name: str) -> Json:
    """The instance with this id or name. Raises NotFound, and Conflict for a name that several bear."""
    if is_id(name):
        found: Json = client.get(f"/instances/{name}")["instance"]
        return found
    named = [row for row in client.every("/instances", "instances") if row["name"] == name]
    if not named:
        raise errors.NotFound(f"There is no instance {name}.", "See: trovectl instance list.")
    if len(named) > 1:
        raise errors.Conflict(f"{len(named)} instances are called {name}.",
                              f"Name one by its id: {', '.join(row['id'] for row in named)}.")
    return named[0]


def _next(page: Json) -> str:
    """The query of the next page, empty on the last one."""
    link = next((link["href"] for link in page.get("links", ()) if link["rel"] == "next"), "")
    return urllib.parse.urlsplit(link).query


def _not_trusted(endpoint: str, error: ssl.SSLError) -> errors.TroveError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return errors.Refused(f"The certificate of {endpoint} is not trusted: {error.verify_message}.",
                              "Name the PEM file of its authority with --cacert or in OS_CACERT.")
    return errors.Refused(f"What answers at {endpoint} does not speak TLS, or another one: {error.reason}.",
                          "If it speaks plain HTTP, name it as http://….")


def _no_endpoint(text: str) -> errors.Invalid:
    return errors.Invalid(f"{text} is no endpoint.", "It looks like http://127.0.0.1:8779.")


def _refusal(status: int, answer: Mapping[str, Any]) -> errors.TroveError:
    """The API's error body is ``{"badRequest": {"code": 400, "message": "..."}}``; its message has the remedy in it."""
    told = next(iter(answer.values()), None)
    message = told.get("message") if isinstance(told, Mapping) else None
    return _KINDS.get(status, errors.Refused)(str(message or f"The API answered {status}."))
