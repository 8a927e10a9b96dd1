"""An installation of Trove as its users see it: started by ``trovectl``, driven by ``openstack`` and SQL clients.

Nothing here imports Trove; what a test knows of an installation it learns from outside.
"""

import json
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.awaiting import until

BIN = Path(sys.executable).parent
PROJECT = "demo"
_DROPPED = re.compile(r'^trove_bus_reports_dropped_total\{reason="([^"]+)"\} ([0-9.]+)', re.MULTILINE)
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class CommandFailed(AssertionError):
    """A command ended with another exit code than it should; carries what it printed."""


@dataclass
class Installation:
    """One state directory and what runs for it.

    ``user`` is the account that runs it, None for the caller's own; ``programs`` where the commands are. Requests and
    ``openstack`` ask for ``project`` with ``token``, if there is one.
    """

    state: Path
    user: str | None = None
    programs: Path = BIN
    port: int = field(default_factory=lambda: _free_port())
    project: str = PROJECT
    token: str = ""
    _status: dict[str, Any] = field(default_factory=dict)

    # starting and stopping

    def up(self) -> None:
        """On a port of its own: that of an installation which is down may go to another one, which answers then."""
        self.trovectl("up", "--empty", "--port", str(self.port), timeout=240)
        self.refresh()

    def down(self) -> None:
        self.trovectl("down", timeout=120)

    def destroy(self) -> None:
        self.trovectl("down", "--destroy", timeout=240)

    def trovectl(self, *arguments: str, timeout: float = 120) -> str:
        return self.run([str(self.programs / "trovectl"), *arguments, "--state", str(self.state)], timeout)

    def refresh(self) -> dict[str, Any]:
        self._status = json.loads(self.trovectl("status", "--json"))
        return self._status

    @property
    def pid(self) -> int:
        """The control plane's process id."""
        return int(self._status["pid"])

    @property
    def endpoint(self) -> str:
        return f"{self._status['endpoint']}/v1.0/{self.project}"

    @property
    def cacert(self) -> str:
        """The file by which clients know its certificate; empty for plain HTTP."""
        return str(self._status.get("cacert", ""))

    # what users do

    def openstack(self, *arguments: str) -> Any:
        """``openstack database|datastore … -f json``; None for commands that print nothing."""
        trusted = ["--os-cacert", self.cacert] if self.cacert else []
        identity = ["admin_token", "--os-token", self.token] if self.token else ["none"]
        command = [str(BIN / "openstack"), "--os-auth-type", *identity, "--os-endpoint", self.endpoint, *trusted,
                   *arguments]
        printed = self.run([*command, "-f", "json"] if _prints(arguments) else command)
        return json.loads(printed) if _prints(arguments) else None

    def request(self, method: str, path: str, body: object = None, key: str = "") -> tuple[int, Any]:
        """One REST request below the project; the status and the decoded body (None when empty)."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {}) | (
            {"X-Auth-Token": self.token} if self.token else {})
        context = ssl.create_default_context(cafile=self.cacert) if self.cacert else None
        request = urllib.request.Request(self.endpoint + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())

    def create(self, name: str, databases: tuple[str, ...] = ("shop",), users: tuple[str, ...] = ("anna",),
               engine: str = "mariadb") -> str:
        """Asks for an instance whose users have the password ``secret-NAME`` and all databases; its id."""
        body = {"instance": {
            "name": name, "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": engine},
            "databases": [{"name": each} for each in databases],
            "users": [{"name": each, "password": f"secret-{each}", "databases": [{"name": d} for d in databases]}
                      for each in users]}}
        status, answer = self.request("POST", "/instances", body)
        assert status == 200, answer
        return str(answer["instance"]["id"])

    def show(self, instance: str) -> dict[str, Any] | None:
        """The instance as REST shows it, None when it is gone (or the control plane is)."""
        status, answer = self.request("GET", f"/instances/{instance}")
        assert status in (200, 404), answer
        return answer["instance"] if status == 200 else None

    def healthy(self, instance: str, timeout: float = 120) -> dict[str, Any]:
        """Waits until the instance is ACTIVE and HEALTHY; fails at once when it is in ERROR."""
        def look() -> dict[str, Any] | None:
            shown = self.show(instance)
            assert shown is not None and shown["status"] != "ERROR", shown
            return shown if (shown["status"], shown["operating_status"]) == ("ACTIVE", "HEALTHY") else None
        return until(_unless_down(look), timeout, f"instance {instance} is healthy")

    def dropped_reports(self) -> dict[str, float]:
        """How many of agents' reports were not taken, by reason."""
        origin = self.endpoint.partition("/v1.0")[0]
        with urllib.request.urlopen(f"{origin}/metrics", timeout=30) as answer:
            return {reason: float(count) for reason, count in _DROPPED.findall(answer.read().decode())}

    def gone(self, instance: str, timeout: float = 120) -> None:
        """Waits until REST does not know the instance any more; a failure says how its operations stand."""
        try:
            until(_unless_down(lambda: self.show(instance) is None), timeout, f"instance {instance} is gone")
        except AssertionError as late:
            known = self.request("GET", f"/instances/{instance}/operations")[1]
            raise AssertionError(f"{late}\n{json.dumps(known, indent=1)}") from late

    def delete(self, instance: str) -> None:
        status, answer = self.request("DELETE", f"/instances/{instance}")
        assert status in (202, 404), answer

    # looking beneath

    def home(self, instance: str) -> Path:
        return self.state / "instances" / instance

    def service_pid(self, instance: str, service: str) -> int:
        """The process that the supervisor runs as ``agent`` or ``database`` for the instance; 0 when it is down."""
        text = (self.home(instance) / "services" / service / "supervise" / "pid").read_text().strip()
        return int(text or 0)

    def as_who_has(self, token: str, project: str) -> "Installation":
        """The same installation, asked with this token."""
        return replace(self, token=token, project=project)

    def run(self, command: list[str], timeout: float = 120, check: bool = True) -> str:
        environment = _ENVIRONMENT | ({"OS_TOKEN": self.token} if self.token else {})
        account = pwd.getpwnam(self.user) if self.user else None
        environment["HOME"] = account.pw_dir if account else os.environ.get("HOME", "/")
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                              env=environment, cwd="/", **(_as(account) if account else {}))
        if check and done.returncode != 0:
            raise CommandFailed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as(account: pwd.struct_passwd) -> dict[str, Any]:
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _prints(arguments: tuple[str, ...]) -> bool:
    quiet = {"delete", "restart", "reboot", "attach", "detach", "grant", "revoke", "update", "set", "disable", "reset",
             "force"}
    create_silently = arguments[:3] in (("database", "db", "create"), ("database", "user", "create"))
    return not create_silently and not quiet.intersection(arguments[:4])


def _decoded(body: bytes) -> Any:
    return json.loads(body) if body else None


def _unless_down(look: Callable[[], Any]) -> Callable[[], Any]:
    """A control plane that is just starting again refuses connections: that is not an answer yet."""
    def careful() -> Any:
        try:
            return look()
        except (urllib.error.URLError, ConnectionError):
            return None
    return careful


def sql(instance: dict[str, Any], user: str, password: str, statement: str, database: str = "",
        *options: str) -> list[str]:
    """Runs a statement as a SQL client at the address that REST shows; its rows. Raises CommandFailed."""
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:
        file.write(f'[client]\nuser="{user}"\npassword="{password}"\n')
        file.flush()
        command = ["mariadb", f"--defaults-file={file.name}", *options, "--connect-timeout=10", "--batch",
                   "--skip-column-names", f"--host={address(instance)}", f"--port={port(instance)}", "-e", statement,
                   *([f"--database={database}"] if database else [])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise CommandFailed(done.stderr)
    return done.stdout.splitlines()


def mysql(instance: dict[str, Any], user: str, password: str, statement: str, database: str = "") -> list[str]:
    """As ``sql``, with TLS, whose certificate the server made itself."""
    return sql(instance, user, password, statement, database, "--ssl")


def psql(instance: dict[str, Any], user: str, password: str, statement: str, database: str = "shop",
         program: str = "psql") -> list[str]:
    """The same at a PostgreSQL instance."""
    environment = {"PGHOST": address(instance), "PGPORT": str(port(instance)), "PGUSER": user, "PGPASSWORD": password,
                   "PGDATABASE": database, "PGCONNECT_TIMEOUT": "10", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    done = subprocess.run([program, "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet",
                           "--set=ON_ERROR_STOP=1", "--command", statement],
                          env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise CommandFailed(done.stderr)
    return done.stdout.splitlines()


def ask(instance: dict[str, Any], user: str, password: str, command: str) -> str:
    """The same at a Redis instance; what redis-cli prints, an error as well."""
    done = subprocess.run(["redis-cli", "-h", address(instance), "-p", str(port(instance)), "--user", user,
                           *command.split(" ")],
                          env={"REDISCLI_AUTH": password, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                          capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip()


def address(instance: dict[str, Any]) -> str:
    return str(instance["addresses"][0]["address"])


def port(instance: dict[str, Any]) -> int:
    """Control planes of the first releases do not say it: it was the engine's own."""
    return int(instance["addresses"][0].get("port", 3306))


def uptime_start(instance: dict[str, Any], user: str, password: str) -> float:
    """When the server that answers was started, in seconds since 1970, by its own account; good to two seconds."""
    rows = sql(instance, user, password, "SELECT UNIX_TIMESTAMP() - VARIABLE_VALUE"
                                         " FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'")
    return float(rows[0])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@contextmanager
def installation(directory: Path, user: str | None = None) -> Iterator[Installation]:
    """An installation in ``directory``, running; everything of it is gone afterwards, also after a failure."""
    made = Installation(directory, user)
    try:
        made.up()
        yield made
    finally:
        made.destroy()
