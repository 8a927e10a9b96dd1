"""Whether this machine does for the agent, and each instance on it is as it was placed."""

import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import amqp
from msgspec import structs

from common.contract.placement import Preflight
from common.datastores import ENGINES
from common.errors import HostFailed, TroveError
from common.findings import Finding, collect, failed, ok, warning
from common.openstack.rpc.link import BusAddress, Link

from .. import config
from ..host.layout import AGENT, DATABASE, SERVICES, Layout
from ..host.runit import RunitHost
from ..host.supervision import Supervised
from ..place import preflight
from . import leftovers, orders

_AGAIN = "Place the instance again; the control plane does that by itself within minutes."
_TIME_ERROR = 5
"""What adjtimex(2) answers when nothing keeps the clock right."""


class Patient(NamedTuple):
    layout: Layout
    options: config.Options


def report(layouts: Iterable[Layout], top: Path) -> list[Finding]:
    """Of this machine, and of instances: each check of one has the beginning of its id before its name."""
    found = [*machine(Path(__file__).resolve().parents[3], top)]
    for layout in layouts:
        found += (structs.replace(each, check=f"{layout.home.name[:8]} {each.check}") for each in instance(layout))
    return found


def machine(release: Path, top: Path) -> Iterator[Finding]:
    """``release`` is the one that this runs from; it need not be one."""
    engine = preflight.manifest(release).get("engine")
    engine = engine if engine in ENGINES else ENGINES[0]
    order = Preflight(home=str(top / "instances" / "any"), release=str(release), datastore=engine)
    yield from collect("python", partial(preflight.python, release)) or [ok("python", "Python is the release's.")]
    yield from preflight.examine(_chosen("programs", "locale", "disk"), order)
    yield from preflight.examine((("clock", clock, "The clock is kept right."),
                                  ("leftovers", leftovers.look, "Nothing is left of instances that are gone.")), top)


def instance(layout: Layout) -> Iterator[Finding]:
    try:
        options, unknown = config.load([], [layout.config])
    except TroveError as error:
        yield failed("options", error.message, error.hint or _AGAIN)
        return
    yield from [warning("options", sentence, "Remove it.") for sentence in unknown] or [
        ok("options", "The agent can use its options.")]
    own, is_up = options.default, RunitHost(layout.home).database().process is not None
    order = Preflight(home=own.home, release=str(layout.current.resolve()), datastore=own.datastore,
                      address=own.address, port=own.port, binaries=own.binaries)
    yield from preflight.examine(_chosen("release", "permissions", "programs", "" if is_up else "address"), order)
    yield from preflight.examine(CHECKS, Patient(layout, options))


def clock(top: Path, state: int | None = None) -> Iterator[Finding]:
    import ctypes

    if (ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(256)) if state is None else state) == _TIME_ERROR:
        yield warning("clock", "Nothing keeps the clock right, so times in what is shown may be wrong.",
                      "Run: timedatectl set-ntp true")


def secrets(patient: Patient) -> Iterator[Finding]:
    """Raises HostFailed for a file that more than the agent's user can read."""
    layout = patient.layout
    owner = layout.config.stat().st_uid
    for path in (layout.config, *layout.config.iterdir(), layout.state, *layout.state.iterdir()):
        info = path.lstat()
        if info.st_uid != owner or stat.S_IMODE(info.st_mode) & 0o077:
            raise HostFailed(f"{path} is not the agent's alone.", f"Run: chmod go= {path}; chown {owner} {path}")
    if owner == layout.run.stat().st_uid:
        yield warning("secrets", "The database server's user can read the agent's keys: one trust domain.",
                      "Run Trove as root where others are to use it.")


def services(patient: Patient) -> Iterator[Finding]:
    """Raises HostFailed for a supervisor or an agent that is gone."""
    layout = patient.layout
    if not all(Supervised(layout.supervise(name)).is_supervised() for name in SERVICES):
        raise HostFailed("The instance's supervisor does not run.", _AGAIN)
    if Supervised(layout.supervise(AGENT)).process() is None:
        raise HostFailed("The agent does not run.", f"Its log says why: {layout.log / AGENT / 'current'}")
    state = RunitHost(layout.home).database()
    if state.wanted_up and state.process is None:
        yield failed("services", "The database server is to be up, and is down.",
                     f"Its log says why: {layout.log / DATABASE / 'current'}")
    for each in RunitHost(layout.home).drift():
        yield failed("services", each.sentence, _AGAIN)


def broker(patient: Patient) -> Iterator[Finding]:
    """As the agent reaches it, login included. Raises HostFailed, Unreachable."""
    bus = BusAddress(**structs.asdict(patient.options.bus))
    try:
        with preflight.reaching(bus.host, bus.port):
            Link(bus, "trove-guestagent doctor", lambda blocked: None, lambda message: None).close()
    except amqp.AMQPError as error:
        raise HostFailed(f"The broker does not let the agent in: {error}.",
                         "Its log says why; the control plane gives a lost login back within a minute.") from None
    yield from ()


def journal(patient: Patient) -> Iterator[Finding]:
    """Raises NotFound, HostFailed."""
    for each in orders.entries(patient.layout):
        if failure := each["failure"]:
            yield warning("journal", f"{each['method']} failed: {failure.message}", failure.hint or "Ask again.")


def _chosen(*names: str) -> Iterator[preflight.Check]:
    return (check for check in preflight.CHECKS if check[0] in names)


CHECKS: tuple[preflight.Check, ...] = (
    ("secrets", secrets, "The agent's keys are its own."),
    ("services", services, "The services run as they are to, and the volume is where it belongs."),
    ("broker", broker, "The broker lets the agent in."),
    ("journal", journal, "No order failed."),
)
