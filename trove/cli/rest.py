"""The REST API as ``trovectl`` uses it: one machine, loopback, no token."""

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

from common.errors import Internal, TroveError, Unreachable, from_code

PROJECT = "demo"
"""The project that ``trovectl`` works in; under noauth every name is one."""

TIMEOUT = 30.0


class Client:
    """``endpoint``: scheme, host and port."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.base = f"/v1.0/{PROJECT}"

    def get(self, path: str) -> dict[str, Any]:
        """Raises Unreachable, and what the API refuses with."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Raises Unreachable, and what the API refuses with."""
        return self._ask("POST", path, body)

    def answers(self) -> bool:
        """Whether the API is there at all."""
        try:
            self._send("GET", "/healthcheck", None)
        except Unreachable:
            return False
        return True

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None) -> dict[str, Any]:
        status, text = self._send(method, self.base + path, body)
        try:
            answer: dict[str, Any] = json.loads(text) if text else {}
        except ValueError:
            raise Internal(f"What answers at {self.endpoint} is not Trove.", "Start on another --port.") from None
        if status >= 400:
            raise _refusal(status, answer)
        return answer

    def _send(self, method: str, path: str, body: Mapping[str, object] | None) -> tuple[int, bytes]:
        where = urllib.parse.urlsplit(self.endpoint)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json", "Accept": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"The control plane at {self.endpoint} does not answer: {error}.",
                              "Start it: trovectl up.") from None
        finally:
            connection.close()


def _refusal(status: int, answer: Mapping[str, Any]) -> TroveError:
    """The API's error body is ``{"badRequest": {"code": 400, "message": "..."}}``."""
    told = next(iter(answer.values()), None)
    message = told.get("message") if isinstance(told, Mapping) else None
    return from_code("refused", str(message or f"The API answered {status}."))
