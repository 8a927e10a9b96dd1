"""The agent's self-test on a host: its conformance kit beside a release that is there, as whoever we log in as."""

from pathlib import Path

import msgspec

from trove.releases import building
from trove.releases.installing import INTERPRETER
from trove.releases.sources import Sources

from ..running import Ended
from .transport import Login, Transport

PATIENCE = 300.0

_START = """
import base64, importlib, json, pathlib, sys, tempfile
order = json.load(sys.stdin)
sys.path.insert(0, order["library"])
with tempfile.TemporaryDirectory(prefix="trove-") as scratch:
    for name, data in order["files"].items():
        path = pathlib.Path(scratch, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))
    for name in ("troveguest", "troveguest.datastores", "common.datastores"):
        importlib.import_module(name).__path__.append(str(pathlib.Path(scratch, *name.split("."))))
    code = importlib.import_module("troveguest.conformance.selftest").main()
sys.exit(code)
"""


def run(transport: Transport, login: Login, release: str, sources: Sources) -> Ended:
    """What it prints, and its exit code. Needs no root there and leaves nothing. Raises what ``Transport`` raises."""
    command, order = words(release, sources)
    return transport.run(login, command, order, PATIENCE, root=False)


def words(release: str, sources: Sources) -> tuple[list[str], bytes]:
    """The command, and what goes to its standard input."""
    files = {name: path.read_bytes() for name, path in building.kit(sources).items()}
    order = msgspec.json.encode({"library": str(Path(release, "lib")), "files": files})  # bytes go as base64
    return [INTERPRETER, "-IS", "-c", _START], order
