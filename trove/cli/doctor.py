"""``trovectl doctor``: whether this machine can run Trove, and whether the installation on it is whole."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer

from common import findings
from common.findings import Finding, collect
from trove.standalone.state import State

from . import output
from .checks import machine
from .session import AsJson, StateDirectory


def register(app: typer.Typer) -> None:
    app.command(epilog=output.EXIT_CODES)(doctor)


def doctor(state: StateDirectory, as_json: AsJson = False) -> None:
    """Looks whether this machine can run Trove, and whether the installation on it is whole.

    Nothing is changed. A warning is something that works with less than it could; the exit code is 1 when
    something failed.
    """
    printed = output.Output(as_json)
    found = list(examine(State(state.absolute())))
    healthy = all(each.level != "failed" for each in found)
    printed.document({"healthy": healthy, "findings": [msgspec.structs.asdict(each) for each in found]})
    printed.rows(("", "CHECK", "FINDING"),
                 [(each.level, each.check, f"{each.sentence} {each.remedy}".strip()) for each in found])
    if not healthy:
        raise typer.Exit(output.FAILED)


def examine(state: State) -> Iterator[Finding]:
    """Every finding, in the order in which the remedies are to be followed."""
    yield from collect("packages", machine.packages)
    yield from collect("python", machine.python)
    yield from collect("engine", machine.engine)
    yield from collect("disk", lambda: machine.disk(state.root))
    yield from collect("memory", machine.memory)
    yield from collect("clock", lambda: machine.clock(_written(state)))
    if os.geteuid() == 0:
        yield from collect("loop devices", machine.loop_devices)
        yield from collect("control groups", machine.control_groups)
    yield from _of_installation(state)


def _of_installation(state: State) -> Iterator[Finding]:
    from trove.providers.local import addresses  # what follows brings the store's and the broker's libraries

    from .checks import certificate, installation, reach

    yield from collect("permissions", lambda: installation.permissions(state))
    yield from collect("database port", lambda: installation.database_port(addresses.listening()))
    yield from collect("api", lambda: installation.api(state))
    configured = collect("options", lambda: iter([_options(state)]))
    yield from configured
    if all(each.level == "ok" for each in configured):
        conf = installation.load(state)
        yield from collect("certificate", lambda: certificate.certificate(state, conf))
        yield from collect("api port", lambda: installation.api_port(state, conf))
        yield from collect("broker", lambda: installation.broker(state, conf))
        yield from collect("broker for hosts", lambda: reach.broker(state, conf))
        yield from collect("leftovers", lambda: installation.leftovers(state, conf))


def _options(state: State) -> Finding:
    from .checks import installation

    installation.load(state)
    return findings.ok("options", f"{state.configuration} can be used." if state.configuration.exists()
                       else "Every option has its default.")


def _written(state: State) -> list[Path]:
    return [state.key, state.store, state.log]
