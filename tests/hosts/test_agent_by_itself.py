"""One file makes a machine that has nothing of ours ready for an instance, which outlives reboots; and unmakes it."""

import base64
import os
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.contract import codec
from common.contract.placement import BusLogin, GuestKeys, Placed, Placement
from common.secret import Secret
from tests.awaiting import until
from tests.hosts import kinds, roots
from tests.hosts.host import Host
from tests.hosts.network import Network, network
from trove.releases import archive, building, sources

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())]

CHECKOUT = Path(__file__).resolve().parents[2]
TOP = "/var/lib/troveguest"
LINK = "/usr/local/bin/trove-guestagent"
LACKING = ("This machine lacks runsvdir, runsv, svlogd, mkfs.xfs, xfs_growfs. "
           "Install them: apt-get install --no-install-recommends runit xfsprogs\n")
_OTHERS = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/var/lib/systemd", "/var/tmp")
"""Where other programs write as time goes by."""
_CERTIFICATE = ("req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=broker", "-days", "2",
                "-keyout", "/dev/null")

# What the broker would bring is given to the agent's own parts, as its user and in its place.
_PREPARE = """
import sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from common.contract import types as t
from common.contract.declare import methods
from common.contract.guest import Guest
from common.openstack.context import RequestContext
from common.secret import Secret
from troveguest import config, service
from troveguest.bus.server import Request
options, _ = config.load([], [Path(sys.argv[2])])
life = service.Service(options, lambda: options)
life._operations.start()
user = t.NewUser(name="anna", password=Secret("secret-anna"), databases=("shop",))
order = t.Prepare(memory_mb=512, databases=(t.Database(name="shop"),), users=(user,))
life._operations.accept(Request(method=methods(Guest)["prepare"], arguments={"order": order}, operation_id="op-1",
                                context=RequestContext(request_id="req-1"), timeout=120.0))
while life._journal.unfinished():
    threading.Event().wait(0.1)
[ticket] = life._journal.undelivered()
print(ticket.state.value, ticket.failure)
life._operations.stop(10)
life._journal.close()
"""


@pytest.fixture(scope="module")
def ground() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one file, built of this checkout."""
    directory = tmp_path_factory.mktemp("built")
    found = sources.checkout(CHECKOUT)
    target = building.Target("mariadb", "{}.{}".format(*sys.version_info), os.uname().machine)
    building.build(directory / "release", found, target)
    archive.write(directory / "release", directory / "agent.run", found)
    return directory / "agent.run"


class Machine:
    """A host that gets the agent by hand, with one instance on it."""

    def __init__(self, host: Host, file: Path) -> None:
        self.host = host
        self.instance = str(uuid.uuid4())
        self.authority = subprocess.run(["openssl", *_CERTIFICATE], check=True, capture_output=True, text=True).stdout
        self.before: set[str] = set()
        text = base64.b64encode(file.read_bytes()).decode()
        host.run("sh", "-c", f"base64 -d >/home/{host.login}/agent.run", stdin=text)

    @property
    def home(self) -> str:
        return f"{TOP}/instances/{self.instance}"

    def file(self, *words: str) -> str:
        """What the one file says, whichever way, when the login runs it as root."""
        return self.host.ssh("sh", "-c", shlex.join(("sudo", "sh", "agent.run", *words)) + " 2>&1", check=False)

    def tree(self) -> set[str]:
        """Every path of its disk, but for where other programs write as time goes by."""
        prune = [word for other in _OTHERS for word in ("-path", other, "-prune", "-o")]
        return set(self.host.run("find", "/", *prune, "-print").splitlines())

    def place(self) -> Placed:
        key = Secret(base64.b64encode(bytes(32)).decode())
        release = Path(self.host.run("readlink", "-f", LINK).strip()).parents[1]
        order = Placement(
            instance_id=self.instance, home=self.home, release=str(release), datastore="mariadb",
            datastore_version="10.11", address=self.host.address, port=3306, memory_mb=512, vcpus=1, volume_gb=1,
            bus=BusLogin(host="127.0.0.1", port=5671, virtual_host="/", username="guest", password=Secret("none"),
                         ca_pem=self.authority, server_name="broker"),
            keys=GuestKeys(epoch=1, to_guest=key, from_guest=key))
        return codec.decode(self.host.run(LINK, "place", stdin=codec.encode(order).decode()).encode(), Placed)

    def prepare(self) -> None:
        """A database with a user, as if it had been ordered over the bus."""
        service, config, library = (f"{self.home}/{each}" for each in ("services/agent", "config", "links/current/lib"))
        account = self.host.run("stat", "-c", "%U", config).strip()
        self.host.run("sv", "-w", "20", "down", service)
        said = self.host.run("env", f"TROVE_HOME={self.home}", "setpriv", f"--reuid={account}", f"--regid={account}",
                             "--init-groups", "--", "python3", "-IS", "-c", _PREPARE, library, config)
        assert said == "done None\n"
        self.host.run("sv", "up", service)

    def sql(self, statement: str) -> list[str]:
        """As a client on another machine; nothing while the server is not there."""
        done = subprocess.run(["mariadb", "--no-defaults", f"--host={self.host.address}", "--user=anna",
                               "--password=secret-anna", "--connect-timeout=2", "--batch", "--skip-column-names",
                               "-e", statement, "shop"], capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.split() if done.returncode == 0 else []

    def server(self) -> str:
        """The process of the database server."""
        return self.host.run("pidof", "mariadbd").strip()

    def agent(self) -> str:
        """The process of the agent, by its supervisor: it has several names while it begins."""
        said = self.host.run("sv", "status", f"{self.home}/services/agent")
        return said.partition("(pid ")[2].partition(")")[0]

    def limit_of(self, process: str) -> int:
        """By its group of the memory controller and those above it, in bytes."""
        [group] = [line.split(":", 2)[2] for line in self.host.run("cat", f"/proc/{process}/cgroup").splitlines()
                   if ":memory:" in line]
        return min(int(self.host.run("cat", f"/sys/fs/cgroup/memory{each}/memory.limit_in_bytes"))
                   for each in (Path(group), *Path(group).parents))


@pytest.fixture(scope="module", params=["systemd", "runit"])
def machine(request: pytest.FixtureRequest, ground: Network, file: Path) -> Iterator[Machine]:
    """With an instance that serves. ``systemd`` gets its packages by hand; on ``runit`` they were installed."""
    kind = kinds.systemd_host if request.param == "systemd" else kinds.plain_host
    with kind(ground, f"by-{request.param}") as host:
        made = Machine(host, file)
        if request.param == "systemd":
            before = made.tree()
            assert made.file("install") == LACKING
            assert made.tree() == before
            host.ssh("sudo", "apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *roots.PACKAGES)
        made.before = made.tree()
        said = made.file("install")
        assert said.splitlines()[1].startswith(f"{request.param} restores the instances at boot: ")
        assert made.file("install") == said
        assert made.place().volume == "image"
        made.prepare()
        until(lambda: made.sql("CREATE TABLE kept (number INT); INSERT INTO kept VALUES (7); SELECT * FROM kept"), 60,
              "the server serves")
        yield made


def test_the_server_has_its_limits_and_the_agent_has_none(machine: Machine) -> None:
    assert machine.limit_of(machine.server()) == 512 << 20
    assert machine.limit_of(until(machine.agent, 10, "an agent")) > 512 << 20


def test_a_killed_supervisor_comes_back_and_the_server_never_went(machine: Machine) -> None:
    before = machine.server()
    machine.host.run("pkill", "-KILL", "-f", f"runsvdir -P {machine.home}/services")
    machine.host.run(LINK, "restore")
    until(lambda: machine.host.processes(f"runsvdir -P {machine.home}"), 10, "a supervisor")
    assert machine.server() == before


def test_restoring_what_stands_touches_nothing(machine: Machine) -> None:
    before = machine.server()
    assert machine.host.run(LINK, "restore") == f"{machine.instance} is in its place.\n"
    if machine.host.run("cat", "/proc/1/comm") == "systemd\n":
        machine.host.run("systemctl", "restart", "trove-guestagent.service")
        machine.host.run("systemctl", "stop", "trove-guestagent.service")
    assert machine.server() == before


def test_after_a_reboot_the_database_is_back_whatever_became_of_others(machine: Machine) -> None:
    other = f"{TOP}/instances/{uuid.UUID(int=0)}"
    machine.host.run("sh", "-c", f"mkdir {other} && echo '{{}}' >{other}/place.json")
    machine.host.reboot()
    assert until(lambda: machine.sql("SELECT * FROM kept"), 60, "the server is back") == ["7"]
    assert machine.limit_of(machine.server()) == 512 << 20
    assert machine.place().repaired == ()
    assert "not restored. It was placed by an earlier release" in machine.host.run(LINK, "restore", check=False)
    machine.host.run("rm", "-r", other)


def test_uninstalling_says_no_to_instances_and_else_leaves_nothing(machine: Machine) -> None:
    """The last one: nothing is there behind it."""
    assert machine.file("uninstall") == (
        f"trove-guestagent: Instances are placed here: {machine.instance}. "
        "Delete them where they were ordered, or give --with-instances.\n")
    assert machine.sql("SELECT * FROM kept") == ["7"]
    assert machine.file("uninstall", "--with-instances").endswith(f"{TOP} is removed.\n")
    assert machine.host.left_of(machine.instance) == {}
    assert machine.tree() - machine.before == set()
    assert machine.host.find("trove", "/run") == []
    assert machine.file("uninstall") == "The agent is not installed here.\n"
