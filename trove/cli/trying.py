"""``trovectl host selftest``: the agent's behaviours, tried on a host."""

import re
from pathlib import Path
from typing import Annotated

import typer

from trove.providers.ssh import selftest as kit
from trove.releases import sources
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
    """Tries the agent on a host, with an engine in memory; leaves nothing there but the release.

    The exit code is 1 when a behaviour is not as it must be.
    """
    printed = output.Output(as_json)
    with printed.reported():
        code = sources.find(source)
        with reached(State(state.absolute()), host) as (machine, transport):
            _, delivered = bring(State(state.absolute()), machine, transport, code)
            ended = kit.run(transport, machine, delivered.path, code)
    said = ended.output.decode(errors="replace")
    printed.document({"works": ended.code == 0, "behaviours": [
        {"name": name, "ok": word == "ok", "seconds": float(seconds), "why": why}
        for word, name, seconds, why in _LINE.findall(said)]})
    printed.say(said.rstrip() or ended.last_words())
    if ended.code:
        raise typer.Exit(output.FAILED)
