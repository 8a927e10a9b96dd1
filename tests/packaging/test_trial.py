"""A trial of a catalogue's values fills nobody's disk, and takes no silence for a yes."""

import runpy
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.errors import EngineFailed
from tests.trove.datastores import edges
from trove import datastores

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "parameters.py"


@pytest.mark.parametrize(("engine", "version", "written"), [
    ("mysql", "9.7", "innodb_redo_log_capacity"), ("mariadb", "10.11", "innodb_log_file_size")])
def test_what_a_server_writes_at_once_is_not_tried_at_its_largest(engine: str, version: str, written: str) -> None:
    values = edges.dynamic(datastores.catalogue(engine, version))
    tried = runpy.run_path(str(SCRIPT), run_name="trial")["harmless"](values)
    assert max(map(int, values[written])) > 1 << 34
    assert 0 < max(map(int, tried[written])) <= 1 << 30
    assert tried | {written: values[written]} == values


class Server:
    """Takes no value of ``bad``; ends of one of ``deadly``, and of two of ``rivals`` together."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["sleep", "60"])
        self.context = self
        self.host = self

    def database(self) -> SimpleNamespace:
        return SimpleNamespace(process=self.process if self.process.poll() is None else None)

    def update_overrides(self, wanted: dict[str, str], live: tuple[str, ...], repair: bool) -> None:
        if "deadly" in wanted.values() or list(wanted.values()).count("rival") > 1:
            self.process.kill()
            self.process.wait()
        if "bad" in wanted.values():
            raise EngineFailed("It is bad.")

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        if self.process.poll() is not None:
            raise EngineFailed("Nobody answers.")
        return {}


def test_a_server_that_dies_of_a_value_takes_no_other() -> None:
    """What comes after it is tried on another one; values that are too much together count as taken."""
    script = runpy.run_path(str(SCRIPT), run_name="trial")
    started: list[Server] = []

    @contextmanager
    def serving(*_: str) -> Iterator[Server]:
        started.append(Server())
        yield started[-1]
        started[-1].process.kill()
        started[-1].process.wait()

    script["attempt"].__globals__["serving"] = serving
    values = {f"p{number:03}": ["fine", "fine"] for number in range(100)}
    values |= {"p001": ["deadly", "fine"], "p050": ["fine", "bad"], "p007": ["rival"], "p008": ["rival"]}
    assert script["attempt"]("any", "1", "", values) == {
        "p001": {"deadly": "The server ended. Nobody answers."}, "p050": {"bad": "It is bad."}}
    assert len(started) > 2
