"""``trovectl host key``: what a host must know us by."""

import typer

from trove import config
from trove.providers.ssh import identity
from trove.standalone import places
from trove.standalone.state import State

from . import output
from .session import AsJson, StateDirectory


def register(group: typer.Typer) -> None:
    group.command("key")(key)


def key(state: StateDirectory, as_json: AsJson = False) -> None:
    """Prints the line for ~/.ssh/authorized_keys of the login on a host; makes the key where there is none yet."""
    printed = output.Output(as_json)
    with printed.reported():
        place = State(state.absolute())
        place.make()
        line = identity.public(places.own_key(config.load([place.configuration]), place))
    printed.document({"key": line})
    printed.say(line)
