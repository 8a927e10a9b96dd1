"""``trovectl host selftest``: the agent's behaviours, tried on a host."""

import re
import uuid
from pathlib import Path
from typing import Annotated

import typer
from msgspec import structs

from common import datastores
from common.findings import Finding
from common.secret import Secret
from trove import config
from trove.domain.spots import Spot
from trove.providers.base import Wanted
from trove.providers.running import Ended
from trove.providers.ssh import selftest as kit
from trove.releases import sources
from trove.standalone import brokers, places
from trove.standalone.state import State

from . import output
from .pushing import bring, reached
from .session import AsJson, StateDirectory

_LINE = re.compile(r"^(ok|FAILED)  (\S+) \((\S+) s\)(?:: (.*))?$", re.MULTILINE)


def register(group: typer.Typer) -> None:
    group.command()(selftest)


def selftest(
    host: Annotated[str, typer.Argument(help="Name of a registered host.", metavar="HOST")],
    state: StateDirectory,
    source: Annotated[Path | None, typer.Option(
        help="Checkout that the agent is built from.", metavar="DIR",
        show_default="the current directory if it is one, else what is installed")] = None,
    as_json: AsJson = False,
) -> None:
    """Looks whether a host can carry an instance and reach the broker, and tries the agent there.

    Nothing but the agent's release stays there. The exit code is 1 when something failed, or a behaviour is not as it
    must be.
    """
    printed = output.Output(as_json)
    with printed.reported():
        code = sources.find(source)
        found, ended = _try(State(state.absolute()), host, code)
    said = ended.output.decode(errors="replace").rstrip()
    printed.document({
        "works": ended.code == 0, "findings": [structs.asdict(each) for each in found],
        "behaviours": [{"name": name, "ok": word == "ok", "seconds": float(seconds), "why": why}
                       for word, name, seconds, why in _LINE.findall(said)]})
    printed.rows(("", "CHECK", "FINDING"),
                 [(each.level, each.check, f"{each.sentence} {each.remedy}".strip()) for each in found])
    printed.say(said or ended.last_words())
    if ended.code or any(each.level == "failed" for each in found):
        raise typer.Exit(output.FAILED)


def _try(state: State, name: str, code: sources.Sources) -> tuple[tuple[Finding, ...], Ended]:
    """Raises what reaching the host raises."""
    conf = config.load([state.configuration])
    with reached(state) as (register, transport):
        host = register.get(name)
        _, delivered = bring(state, host, transport, code)
        spot = Spot(name, host.listen_address, 0)  # any port that is free
        engine = next(iter(host.facts.engines if host.facts else ()), datastores.ENGINES[0])
        wanted = Wanted(instance_id=str(uuid.uuid4()), datastore=engine, datastore_version="", memory_mb=0, vcpus=0,
                        volume_gb=None, spot=spot)
        login = brokers.find(conf, state).endpoint().login(wanted.instance_id, Secret(""), spot)
        found = places.elsewhere(conf, state, register, transport).preflight(wanted, login)
        return found, kit.run(transport, host, delivered.path, code)
