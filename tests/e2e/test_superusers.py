"""A tenant who is the superuser of his database reaches nothing of the agent's, of others', or of the control plane.

Instances of different engines stand side by side. Of what only programs can try, ``intruder.py`` tries it under the
server's account: PostgreSQL runs it for whoever may say ``COPY … FROM PROGRAM``; for servers that run no programs it is
started as if somebody had broken out of one. What Redis' own commands reach is tried in
``tests/conformance/test_redis_own.py``. What is found is told in ``docs/operator-guide.md``.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import ground
from tests.e2e import intruder
from tests.installation import PROJECT, CommandFailed, Installation, psql, sql

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="without root all is one trust domain")]

Answer = dict[str, Any]
SQL = {"mariadb": sql, "postgresql": psql}
ENGINES = (*SQL, "redis")


@dataclass
class Tenant:
    """The superuser of one instance."""

    installed: Installation
    engine: str
    id: str
    password: str = ""

    @property
    def home(self) -> Path:
        return self.installed.home(self.id)

    @property
    def data(self) -> Path:
        return self.home / "volume" / "data"

    @property
    def server(self) -> int:
        return self.installed.service_pid(self.id, "database")

    @property
    def uid(self) -> int:
        return Path(f"/proc/{self.server}").stat().st_uid

    def ask(self, statement: str) -> list[str]:
        """Rows. Raises CommandFailed."""
        shown = self.installed.show(self.id)
        assert shown is not None
        return SQL[self.engine](shown, "root", self.password, statement)

    def refused(self, statement: str) -> str:
        with pytest.raises(CommandFailed) as caught:
            self.ask(statement)
        return str(caught.value)

    def run(self, *words: str) -> str:
        """A program, as the server's account and in its limits."""
        if self.engine == "postgresql":
            quoted = " ".join(words).replace("'", "''")
            return "".join(self.ask(f"CREATE TEMP TABLE said (line TEXT); COPY said FROM PROGRAM '{quoted}'"
                                    " (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02'); SELECT line FROM said"))
        groups = [f"echo $$ > {path};" for path in _groups_of(self.server)]
        become = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--init-groups", "--no-new-privs",
                  "--inh-caps=-all", "--", *words]
        return self.installed.run(["sh", "-c", f"{' '.join(groups)} ulimit -c 0; exec {' '.join(become)}"])


@dataclass
class Scene:
    """Tenants on one machine, and a directory that all may read."""

    installed: Installation
    tenants: dict[str, Tenant]
    ground: Path

    def others(self, tenant: Tenant) -> list[Tenant]:
        return [each for each in self.tenants.values() if each is not tenant]


@pytest.fixture(scope="module")
def scene(installed: Installation) -> Iterator[Scene]:
    tenants = {engine: Tenant(installed, engine, _created(installed, engine)) for engine in ENGINES}
    with ground.directory() as directory:
        shutil.copy(intruder.__file__, directory / "intruder.py")
        for tenant in tenants.values():
            installed.healthy(tenant.id)
            status, answer = installed.request("POST", f"/instances/{tenant.id}/root")
            assert status == 200, answer
            tenant.password = answer["user"]["password"]
        yield Scene(installed, tenants, directory)
    for tenant in tenants.values():
        installed.delete(tenant.id)
        installed.gone(tenant.id)


@pytest.fixture(params=ENGINES)
def tenant(scene: Scene, request: pytest.FixtureRequest) -> Tenant:
    return scene.tenants[request.param]


of_sql = pytest.mark.parametrize("tenant", SQL, indirect=True)


@pytest.fixture(scope="module")
def found(scene: Scene) -> Callable[[Tenant], Answer]:
    """What the intruder reached; he goes out once for each tenant."""
    known: dict[str, Answer] = {}

    def look(tenant: Tenant) -> Answer:
        if tenant.engine not in known:
            targets = scene.ground / f"{tenant.engine}.json"
            targets.write_text(json.dumps(_targets(scene, tenant)))
            known[tenant.engine] = json.loads(
                tenant.run("/usr/bin/python3", "-IS", str(scene.ground / "intruder.py"), str(targets)))
        assert known[tenant.engine]["uid"] == tenant.uid and known[tenant.engine]["others"] > 5
        return known[tenant.engine]
    return look


Found = Callable[[Tenant], Answer]


def test_files(scene: Scene, tenant: Tenant, found: Found) -> None:
    """Agent, journal and keys, neighbours, images and state of the control plane are closed; releases are public."""
    own = {tenant.home / name for name in ("volume", "engine", "orders", "jobs", "run", "services", "place.json",
                                           "news")}
    public = {scene.installed.state / "releases", scene.installed.state / "ca" / "ca.pem"}
    seen = set(map(Path, found(tenant)["readable"]))
    assert any(path.is_relative_to(tenant.data) for path in seen), "it looked at nothing"
    assert [path for path in seen if not _is_below(path, own | public)] == []
    changed = set(map(Path, found(tenant)["writable"]))
    assert [path for path in changed
            if not _is_below(path, {tenant.home / name for name in ("volume", "jobs", "run", "news")})] == []


def test_sockets(tenant: Tenant, found: Found) -> None:
    assert [path for path in found(tenant)["connected"] if not Path(path).is_relative_to(tenant.home)] == []


def test_processes(tenant: Tenant, found: Found) -> None:
    for way in ("signalled", "traced", "inside"):
        assert found(tenant)[way] == [], way


def test_command_lines_hold_no_secret(tenant: Tenant, found: Found) -> None:
    assert found(tenant)["overheard"] == []


def test_rights(tenant: Tenant, found: Found) -> None:
    assert found(tenant)["risen"] == []
    assert found(tenant)["dumped"] == []


def test_limits(tenant: Tenant, found: Found) -> None:
    assert found(tenant)["left_groups"] == []


def test_the_control_plane_and_its_broker(scene: Scene, tenant: Tenant, found: Found) -> None:
    """The API refuses its account, whose orders reach it; the broker wants a login."""
    answers = found(tenant)["asked"]
    assert len(answers) == len(_requests(scene, tenant))
    assert [each for each in answers if " 403 " not in each and " 401 " not in each] == []
    for each in scene.tenants.values():
        assert scene.installed.healthy(each.id)


@of_sql
def test_the_files_that_sql_reads(scene: Scene, tenant: Tenant) -> None:
    reading = {
        "mariadb": lambda path: tenant.ask(f"SELECT LOAD_FILE('{path}') IS NULL") == ["1"],
        "postgresql": lambda path: all("denied" in tenant.refused(statement) for statement in (
            f"SELECT pg_read_binary_file('{path}')", f"SELECT lo_import('{path}')",
            f"CREATE TEMP TABLE t (line BYTEA); COPY t FROM '{path}'")),
    }[tenant.engine]
    tenant.ask({"mariadb": "DO @@secure_file_priv; SELECT 'x' INTO DUMPFILE '{0}'; SELECT 1 / (LOAD_FILE('{0}') = 'x')",
                "postgresql": "SELECT 1 / length(pg_read_file('{1}'))"}[tenant.engine].format(
        tenant.data / "tmp" / "own", tenant.home / "engine" / "postgresql.conf"))
    for path in _secrets(scene, tenant):
        assert reading(path), path


@of_sql
def test_the_files_that_sql_writes(scene: Scene, tenant: Tenant) -> None:
    writing = {"mariadb": "SELECT 'x' INTO DUMPFILE '{}'", "postgresql": "COPY (SELECT 'x') TO '{}'"}[tenant.engine]
    other = scene.others(tenant)[0]
    for path in (tenant.home / "config" / "30-more.conf", tenant.home / "state" / "x", tenant.home / "links" / "next",
                 tenant.home / "services" / "x", tenant.home / "orders" / "x", tenant.home / "engine" / "x",
                 tenant.home / "log" / "x", other.home / "run" / "x", other.data / "x", scene.installed.state / "x",
                 scene.installed.state / "releases" / "x", Path("/etc/x"), Path("/run/x")):
        assert tenant.refused(writing.format(path)), path
        assert not path.exists()


@of_sql
def test_libraries(scene: Scene, tenant: Tenant) -> None:
    """MariaDB loads them only from a directory that it may not write to; PostgreSQL's run as its account, no more."""
    if tenant.engine == "mariadb":
        directory = Path(tenant.ask("SELECT @@plugin_dir")[0])
        assert not directory.is_relative_to(scene.installed.state)
        assert tenant.refused(f"SELECT 'x' INTO DUMPFILE '{directory / 'x.so'}'")
        away = os.path.relpath(tenant.data / "x.so", directory)
        assert "No paths allowed" in tenant.refused(f"INSTALL SONAME '{away}'")
        assert "No paths allowed" in tenant.refused(f"CREATE FUNCTION f RETURNS STRING SONAME '{away}'")
    else:
        assert "denied" in tenant.refused(f"LOAD '{scene.others(tenant)[0].data / 'x.so'}'")


def test_what_the_agent_reads_of_it(scene: Scene, tenant: Tenant) -> None:
    """Links to the agent's secrets, pipes and nonsense where the server's account may write: nothing comes of them."""
    secret = tenant.home / "config" / "20-secrets.conf"
    for name in ("output", "state.json", "database"):
        tenant.run("/usr/bin/ln", "-sfn", str(secret), str(tenant.home / "jobs" / name))
    tenant.run("/usr/bin/mkfifo", "-m", "666", str(tenant.home / "jobs" / "pipe"))
    tenant.run("/usr/bin/mv", str(tenant.home / "jobs" / "pipe"), str(tenant.home / "jobs" / "state.json"))
    answers = [scene.installed.request("GET", f"/instances/{tenant.id}/{each}") for each in ("root", "users")]
    restarted = scene.installed.request("POST", f"/instances/{tenant.id}/action", {"restart": {}})
    assert [status for status, _ in (*answers, restarted)] == [200, 200, 202]
    told = json.dumps([scene.installed.healthy(tenant.id), *answers, scene.installed.request(
        "GET", f"/instances/{tenant.id}/operations")])
    assert not any(value in told for value in _values(secret))


def _created(installed: Installation, engine: str) -> str:
    status, answer = installed.request("POST", "/instances", {"instance": {
        "name": f"of-{engine}", "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": engine},
        "databases": [{"name": "shop"}] if engine in SQL else []}})
    assert status == 200, answer
    return str(answer["instance"]["id"])


def _targets(scene: Scene, tenant: Tenant) -> Answer:
    """What the intruder is sent after: all that he could find by looking, and what he could know from elsewhere."""
    paths = [path for path in scene.installed.state.rglob("*") if not path.is_symlink()]
    plain = [str(path) for path in paths if not path.is_socket() and not path.is_dir()]
    secrets = [value for each in scene.tenants.values() for value in (each.password, *_values(_config(each)))]
    return {"readable": [*plain, *_devices()],
            "writable": [*map(str, (path for path in paths if not path.is_socket())), *_devices()],
            "connected": [str(path) for path in paths if path.is_socket()],
            "overheard": secrets, "dumped": str(tenant.data), "left_groups": _groups(scene, tenant),
            "asked": _requests(scene, tenant)}


def _config(tenant: Tenant) -> Path:
    return tenant.home / "config" / "20-secrets.conf"


def _values(file: Path) -> list[str]:
    """What stands in quotes in the agent's options."""
    return [line.split('"')[1] for line in file.read_text().splitlines() if '"' in line]


def _devices() -> list[str]:
    """Disks, volumes among them, and memory."""
    return [str(path) for path in (*Path("/dev").iterdir(), *Path("/proc").glob("k*"))
            if (path.is_block_device() or path.name in ("mem", "kmem", "port", "kcore"))]


def _secrets(scene: Scene, tenant: Tenant) -> list[Path]:
    other = scene.others(tenant)[0]
    state = scene.installed.state
    return [*(each / name for each in (tenant.home, other.home)
              for name in ("config/20-secrets.conf", "state/journal", "state/journal.key", "log/agent/current")),
            other.home / "place.json", other.home / "orders" / "command.json", *_sample(other.data),
            *state.glob("volumes/*"), state / "key", state / "trove.sqlite", state / "ca" / "ca.key",
            state / "rabbit" / "node.json", *state.glob("rabbit/var/.erlang.cookie"), state / "log" / "trove.log",
            Path("/etc/shadow"), Path(f"/proc/{scene.installed.pid}/environ")]


def _sample(data: Path) -> list[Path]:
    return [path for path in data.rglob("*") if path.is_file()][:2]


def _groups_of(pid: int) -> list[Path]:
    """The files by which one joins the control groups that a process is in, where those are our own."""
    found = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, name = line.split(":", 2)
        if "trove" in name:
            found.append(Path("/sys/fs/cgroup") / controllers / name.lstrip("/") / "cgroup.procs")
    return found


def _groups(scene: Scene, tenant: Tenant) -> list[str]:
    """Of the machine, of the neighbour, and the limits of the tenant's own."""
    top = Path("/sys/fs/cgroup")
    other = scene.others(tenant)[0]
    own = [file for procs in _groups_of(tenant.server) for file in procs.parent.iterdir()
           if file.name in ("memory.limit_in_bytes", "memory.max", "cpu.cfs_quota_us", "cpu.max", "pids.max")]
    found = [*top.glob("cgroup.procs"), *top.glob("*/cgroup.procs"), *_groups_of(other.server), *own]
    assert len(found) > 2, "no control groups"
    return list(map(str, found))


def _requests(scene: Scene, tenant: Tenant) -> list[tuple[str, int, str]]:
    """Orders to the control plane, and looks at the broker."""
    host, number = scene.installed.endpoint.split("/")[2].split(":")
    other = scene.others(tenant)[0]
    paths = ("GET /v1.0/{}/instances", "DELETE /v1.0/{}/instances/" + other.id, "GET /metrics",
             "POST /v1.0/{}/instances/" + other.id + "/root", "GET /v1.0/{}/mgmt/agents")
    lines = [f"{each.format(PROJECT)} HTTP/1.0\r\nHost: x\r\nX-Forwarded-For: 127.0.0.9\r\n\r\n" for each in paths]
    node = json.loads((scene.installed.state / "rabbit" / "node.json").read_text())
    broker = "GET /api/overview HTTP/1.0\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n"
    return [*((host, int(number), line) for line in lines), ("127.0.0.1", node["ports"]["management"], broker)]


def _is_below(path: Path, places: set[Path]) -> bool:
    return any(path.is_relative_to(place) for place in places)
