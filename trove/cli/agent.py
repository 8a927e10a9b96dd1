"""``trovectl agent``: releases of the guest agent, and what agents run from."""

import dataclasses
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from common import releases
from common.errors import Invalid
from trove.releases import archive, building, sources

from . import agents, output, pushing
from .session import AsJson


def register(group: typer.Typer) -> None:
    group.command()(build)
    pushing.register(group)
    agents.register(group)


def build(
    python: Annotated[str, typer.Option(
        help="The target's version of Python.", show_default="this program's", metavar="VERSION",
        default_factory=lambda: "{}.{}".format(*sys.version_info))],
    arch: Annotated[str, typer.Option(
        help="The target's kind of machine, as uname -m says it.", show_default="this machine's", metavar="MACHINE",
        default_factory=lambda: os.uname().machine)],
    engine: Annotated[str, typer.Option(help="The engine that it is for, or all.")] = building.ALL,
    source: Annotated[Path | None, typer.Option(
        help="Checkout that it is built from.", metavar="DIR",
        show_default="the current directory if it is one, else what is installed")] = None,
    target: Annotated[Path | None, typer.Option(
        "--output", help="What to write.", metavar="PATH",
        show_default="trove-guestagent-VERSION-ENGINE here, with .run behind it for a file")] = None,
    file: Annotated[bool, typer.Option("--file", help="Write one file that unpacks itself.")] = False,
    as_json: AsJson = False,
) -> None:
    """Builds a release of the agent: a directory, or one file. The same sources give the same bytes."""
    printed = output.Output(as_json)
    with printed.reported():
        found = sources.find(source)
        path = target or Path(f"trove-guestagent-{found.version()}-{engine}{'.run' if file else ''}")
        made = building.Target(engine, python, arch)
        manifest, digest = _write_file(path, found, made) if file else (building.build(path, found, made), "")
    told = dataclasses.asdict(manifest)
    del told["files"]
    printed.document(told | {"path": str(path), "file_sha256": digest})
    printed.say(f"{path}: trove-guestagent {manifest.version}, contract {manifest.contract}, engine {manifest.engine}, "
                f"for Python {manifest.python} on {manifest.arch}; {manifest.total}")
    if digest:
        printed.say(f"SHA-256 of the file: {digest}")


def _write_file(path: Path, found: sources.Sources, target: building.Target) -> tuple[releases.Manifest, str]:
    """Raises Invalid, HostFailed."""
    if path.is_dir():
        raise Invalid(f"{path} is a directory.", "Choose another --output.")
    with tempfile.TemporaryDirectory() as scratch:
        manifest = building.build(Path(scratch, "release"), found, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        return manifest, archive.write(Path(scratch, "release"), path, found)
