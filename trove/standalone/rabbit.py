"""A private RabbitMQ node: ours alone, on loopback, AMQP over TLS only.

Where an operator says so, AMQP, and nothing else of it, listens on another address, too.

It runs detached, in a session of its own, and so outlives a killed control plane; the next start finds it again by the
mark on its command line (which, unlike a pid file, is there from its first moment and can't be stale) and adopts it.

Its own scripts are used, from the library directory: Debian's wrappers serve only root and ``rabbitmq``. As root it
runs as ``rabbitmq``, otherwise as the caller. Layout of ``home``, where the node may write to ``var`` alone::

    node.json   ports and secrets, kept for the node's whole life (0600, the control plane's alone)
    lock        held while a control plane starts or stops the node
    boot.log    what the node printed before it had a log
    etc/        configuration, login with its password hashed, certificate, Erlang cookie
    var/        data/ and log/, made by the node
"""

import contextlib
import fcntl
import os
import pathlib
import pwd
import re
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator

import msgspec

from common import errors
from common.contract import codec
from common.contract.placement import BusLogin
from common.openstack.rpc.link import BusAddress
from common.secret import Secret
from trove.bus.admin import Admin

from . import files, ports, processes, rabbit_files
from .authority import Authority

ADDRESS = rabbit_files.ADDRESS
ADMINISTRATOR = rabbit_files.ADMINISTRATOR
VIRTUAL_HOST = rabbit_files.VIRTUAL_HOST
SYSTEM_USER = "rabbitmq"
LIBRARY = pathlib.Path("/usr/lib/rabbitmq/lib")
PORT_MAPPER = pathlib.Path("/usr/bin/epmd")
MARK = "-trove"

# On an idle machine the node starts in 5 to 8 s and stops in 1 to 10 s; a busy one may need many times that.
START_PATIENCE = 180.0
STOP_PATIENCE = 60.0
PORT_PATIENCE = 5.0
LOOK_EVERY = 0.1


class PrivateNode:
    """``start`` and ``stop`` may be called by any control plane of the installation, again and again.

    They raise HostFailed, with a remedy, when the machine lacks something or the node ends, and DeadlinePassed.
    """

    def __init__(self, home: pathlib.Path, authority: Authority, listen: str = "") -> None:
        """``listen``: an address besides loopback, or ``0.0.0.0``; empty: none."""
        self.home = home.absolute()
        self.authority = authority
        self._listen = listen
        self._etc = self.home / "etc"
        self._var = self.home / "var"
        self._account = _account()
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, patience: float = START_PATIENCE) -> None:
        """Adopts the node that runs, or starts one, and returns when it takes logins. ``patience`` in seconds."""
        until = time.monotonic() + patience
        self._make_directories()
        with self._locked():
            if self._write_files() and self._broker():
                self._end_all(STOP_PATIENCE)
            try:
                self._await(self._takes_logins, self._broker() or self._launch(until), until)
            except errors.HostFailed:
                self._end_all(STOP_PATIENCE)
                raise

    def stop(self, patience: float = STOP_PATIENCE) -> None:
        """Ends the node and its port mapper. When this returns, nothing of them runs or listens."""
        if not self.home.is_dir():
            return
        with self._locked():
            self._end_all(patience)

    def running(self) -> bool:
        return self._broker() is not None

    def await_end(self, seconds: float) -> bool:
        """Waits at most ``seconds`` for its end. True when it does not run."""
        broker = self._broker()
        return broker is None or broker.wait(seconds)

    def renew(self) -> bool:
        """Puts a new certificate in place when the present one is close to its end; the node reads it within minutes,
        while it runs. To be called about once a day. True when there was one."""
        if self.authority.ensure():
            self._write_certificate()
            return True
        return False

    def login(self) -> BusLogin:
        """The control plane's own login: every right, and administrator of the management interface."""
        return self.login_of(ADMINISTRATOR, self._identity().password)

    def login_of(self, username: str, password: Secret) -> BusLogin:
        """How somebody else, a guest say, reaches this node."""
        return BusLogin(
            host=ADDRESS,
            port=self.ports.amqp,
            virtual_host=VIRTUAL_HOST,
            username=username,
            password=password,
            ca_pem=self.authority.ca_pem(),
            server_name=self.authority.names[0],
        )

    def bus_address(self) -> BusAddress:
        """``login`` as the control plane's own connections take it."""
        login = self.login()
        return BusAddress(
            host=login.host,
            port=login.port,
            username=login.username,
            password=login.password,
            virtual_host=login.virtual_host,
            ca_file=str(self.authority.certificate),
            server_name=login.server_name,
        )

    def admin(self) -> Admin:
        """A client of its management interface; the caller closes it."""
        identity = self._identity()
        return Admin(ADDRESS, identity.ports.management, ADMINISTRATOR, identity.password, VIRTUAL_HOST)

    @property
    def ports(self) -> rabbit_files.Ports:
        return self._identity().ports

    def family(self) -> list[processes.Process]:
        """All that runs for this node now: the broker, its children, the port mapper."""
        broker = self._broker()
        family = [broker, *processes.descendants(broker)] if broker else []
        return family + ([mapper] if (mapper := self._port_mapper()) else [])

    # its files

    def _make_directories(self) -> None:
        files.directory(self.home, 0o711)
        files.directory(self._etc, 0o750, (os.geteuid(), self._account.pw_gid))
        files.directory(self._var, 0o700, (self._account.pw_uid, self._account.pw_gid))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with os.fdopen(os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _identity(self) -> rabbit_files.Identity:
        """Raises NotFound before the first start."""
        path = self.home / "node.json"
        try:
            return codec.decode(path.read_bytes(), rabbit_files.Identity)
        except FileNotFoundError:
            raise errors.NotFound(f"There is no broker in {self.home} yet.", "Start it first.") from None

    def _write_files(self) -> bool:
        """True when a node that runs works on other settings than these."""
        try:
            identity = self._identity()
        except errors.NotFound:
            identity = rabbit_files.new_identity(ports.choose(4, ADDRESS))
            files.write(self.home / "node.json", codec.encode(identity))
        self.authority.ensure()
        self._write_certificate()
        texts = rabbit_files.texts(identity, self._etc, self._listen)
        written = [self._write(name, text) for name, text in texts.items()]
        return any(written)

    def _write_certificate(self) -> None:
        self._write("ca.pem", self.authority.certificate.read_bytes())
        self._write("server.pem", self.authority.server.read_bytes())

    def _write(self, name: str, content: str | bytes) -> bool:
        owner = (self._account.pw_uid, self._account.pw_gid)
        return files.write(self._etc / name, content, 0o400, owner)

    # its processes

    def _broker(self) -> processes.Process | None:
        return self._only(MARK, str(self._etc))

    def _port_mapper(self) -> processes.Process | None:
        return self._only("-address", ADDRESS, "-port", str(self.ports.epmd))

    def _only(self, *words: str) -> processes.Process | None:
        found = processes.with_arguments(words, self._account.pw_uid)
        return found[0] if found else None

    def _launch(self, until: float) -> processes.Process:
        self._require_way_in()
        if stale := self._port_mapper():
            stale.end(STOP_PATIENCE)
        self._require_free_ports()
        files.write(self.home / "boot.log", "")
        mapper = self._spawn([str(PORT_MAPPER), "-address", ADDRESS, "-port", str(self.ports.epmd)])
        self._await(lambda: _listens(self.ports.epmd), mapper, until)
        return self._spawn([str(_server_script()), MARK, str(self._etc)])

    def _spawn(self, command: list[str]) -> processes.Process:
        """Starts a process that outlives us, as the node's user, with nothing of our environment."""
        as_root = os.geteuid() == 0
        with (self.home / "boot.log").open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=self._etc,
                env=rabbit_files.environment(self.ports, self._etc, self._var),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                user=self._account.pw_uid if as_root else None,
                group=self._account.pw_gid if as_root else None,
                extra_groups=[] if as_root else None,
            )
        self._children.append(child)
        if (process := processes.of(child.pid)) is None:
            raise self._ended()
        return process

    def _end_all(self, patience: float) -> None:
        """The broker comes first, so that it can sign off; its children then mostly end by themselves."""
        for process in self.family():
            process.end(patience)
        for child in self._children:
            child.wait(patience)
        self._children.clear()
        self._taken_ports()

    def _await(self, look: Callable[[], bool], process: processes.Process, until: float) -> None:
        """Waits for a fact that announces itself to nobody, or for the end of the process, which does."""
        while not look():
            if process.wait(LOOK_EVERY):
                raise self._ended()
            if time.monotonic() > until:
                raise errors.DeadlinePassed("The broker takes no logins in time.", f"See {self._var / 'log'}.")

    def _ended(self) -> errors.HostFailed:
        printed = (self.home / "boot.log").read_text(errors="replace").partition("\nBOOT FAILED")[0].strip()
        return errors.HostFailed(f"The broker ended while it started: {printed[-500:]}", f"See {self._var / 'log'}.")

    def _takes_logins(self) -> bool:
        """It opens the AMQP port last, when users and plugins are there. Checks that it is ours that answers."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        try:
            with (
                socket.create_connection((ADDRESS, self.ports.amqp), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=self.authority.names[0]),
                contextlib.closing(self.admin()) as admin,
            ):
                return admin.whoami() == ADMINISTRATOR
        except (OSError, errors.Unreachable):
            return False

    # what the machine must have

    def _require_way_in(self) -> None:
        """Its user must be able to enter every directory above ``home``."""
        if os.geteuid() != 0:
            return
        for path in self.home.parents:
            if not path.stat().st_mode & stat.S_IXOTH:
                raise errors.HostFailed(f"The user {SYSTEM_USER} cannot enter {path}.", f"Run: chmod o+x {path}")

    def _require_free_ports(self) -> None:
        for port in self._taken_ports():
            raise errors.HostFailed(
                f"Port {port}, which the broker in {self.home} has always used, is taken by another program.",
                f"Find it with: ss -ltnp sport = :{port}; end it, and start again.",
            )
        if self._listen:
            self._require_address()

    def _require_address(self) -> None:
        """The address for agents of other machines is this machine's, and has our port free."""
        try:
            free = ports.is_free(self.ports.amqp, self._listen)
        except OSError as error:
            raise errors.HostFailed(f"The broker cannot listen on {self._listen}: {error.strerror}.",
                                    "Set listen_address in section [broker] to an address of this machine.") from None
        if not free:
            raise errors.HostFailed(f"Port {self.ports.amqp} of {self._listen} is taken by another program.",
                                    "End it, or choose another listen_address in section [broker].")

    def _taken_ports(self) -> list[int]:
        """Those of our ports that are still in use after ``PORT_PATIENCE``: a killed process's sockets outlive it for
        a moment, and the kernel tells nobody when they go."""
        until = time.monotonic() + PORT_PATIENCE
        taken = [port for port in msgspec.structs.astuple(self.ports) if not ports.is_free(port, ADDRESS)]
        while taken and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
            taken = [port for port in taken if not ports.is_free(port, ADDRESS)]
        return taken


def admin(state: pathlib.Path) -> Admin:
    """A client of the management interface of the installation in ``state``. Raises NotFound when it has no broker."""
    return PrivateNode(state / "rabbit", Authority(state / "ca")).admin()


def _account() -> pwd.struct_passwd:
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise _not_installed() from None


def _server_script() -> pathlib.Path:
    """The newest RabbitMQ in the library directory."""
    found = sorted(LIBRARY.glob("rabbitmq_server-*/sbin/rabbitmq-server"), key=_version)
    if not found or not PORT_MAPPER.exists():
        raise _not_installed()
    return found[-1]


def _version(script: pathlib.Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", script.parts[-3])]


def _not_installed() -> errors.HostFailed:
    return errors.HostFailed("RabbitMQ is not installed.", "Run: apt-get install rabbitmq-server")


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((ADDRESS, port), timeout=5):
            return True
    except OSError:
        return False
