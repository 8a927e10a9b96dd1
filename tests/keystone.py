"""An OpenStack Keystone on loopback, for a test alone: projects, users and a catalog with the service ``database``."""

import http.client
import json
import os
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.awaiting import until

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHON = CHECKOUT / ".venvs" / "keystone" / "bin" / "python"
PASSWORD = "a-password-of-keystone"
DOMAIN = "default"


@dataclass
class Keystone:
    """Asked as its first administrator. Every user has the same password."""

    port: int
    process: "subprocess.Popen[bytes]"
    projects: dict[str, str] = field(default_factory=dict)
    """Ids by name."""
    _token: str = ""
    _roles: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3"

    def begin(self) -> None:
        self._token = self.token("admin", "admin")
        self._roles = {role["name"]: role["id"] for role in self._ask("GET", "/roles")["roles"]}

    def token(self, user: str, project: str) -> str:
        """A new one, for a project by its name."""
        who = {"name": user, "password": PASSWORD, "domain": {"id": DOMAIN}}
        asked = {"auth": {"identity": {"methods": ["password"], "password": {"user": who}},
                          "scope": {"project": {"name": project, "domain": {"id": DOMAIN}}}}}
        with self._open("POST", "/auth/tokens", asked) as answer:
            return str(answer.headers["X-Subject-Token"])

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def project(self, name: str) -> str:
        """Its id."""
        made = str(self._ask("POST", "/projects", {"project": {"name": name, "domain_id": DOMAIN}})["project"]["id"])
        self.projects[name] = made
        return made

    def user(self, name: str, project_id: str, role: str) -> None:
        """With one role in one project."""
        user = self._ask("POST", "/users", {"user": {"name": name, "password": PASSWORD}})["user"]["id"]
        self._ask("PUT", f"/projects/{project_id}/users/{user}/roles/{self._roles[role]}")

    def dismiss(self, token: str) -> None:
        """Nobody can use the token from now on."""
        self._ask("DELETE", "/auth/tokens", subject=token)

    def service(self, kind: str, endpoint: str) -> None:
        """Into the catalog."""
        service = self._ask("POST", "/services", {"service": {"name": kind, "type": kind}})["service"]["id"]
        self._ask("POST", "/endpoints", {"endpoint": {
            "service_id": service, "region_id": "here", "interface": "public", "url": endpoint}})

    def _ask(self, method: str, path: str, body: object = None, subject: str = "") -> Any:
        with self._open(method, path, body, subject) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def _open(self, method: str, path: str, body: object, subject: str = "") -> http.client.HTTPResponse:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Auth-Token": self._token, "X-Subject-Token": subject}
        answer: http.client.HTTPResponse = urllib.request.urlopen(
            urllib.request.Request(self.url + path, data, {name: text for name, text in headers.items() if text},
                                   method=method), timeout=30)
        return answer


@contextmanager
def keystone(directory: Path) -> Iterator[Keystone]:
    """Running when it comes; everything that it keeps is in ``directory``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    said = directory / "said"
    with said.open("wb") as output, subprocess.Popen(
            [PYTHON, "-P", CHECKOUT / "tests" / "keystone_service.py", directory, str(port), PASSWORD],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}) as process:
        made = Keystone(port, process)
        try:
            until(lambda: _listens(process, port, said), 90, "Keystone listens")
            made.begin()
            yield made
        finally:
            made.end()


def _listens(process: "subprocess.Popen[bytes]", port: int, said: Path) -> bool:
    assert process.poll() is None, said.read_text()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
