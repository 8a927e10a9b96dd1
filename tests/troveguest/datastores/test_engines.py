"""Every engine: it agrees with its manifest, and costs what it must."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.contract.types import ServiceStatus
from common.datastores import ENGINES, manifest
from common.errors import Internal, NotFound
from troveguest.datastores import load
from troveguest.datastores.base import EngineContext, implemented
from troveguest.host.fake import FakeHost


@pytest.fixture
def context(tmp_path: Path) -> EngineContext:
    return EngineContext(
        host=FakeHost(), version="1", address="127.0.0.1", port=3306, memory_mb=256, data_dir=tmp_path / "data",
        config_dir=tmp_path, run_dir=Path("/nowhere"), database_log=tmp_path / "log", binaries="", admin="agent")


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_what_its_manifest_says(name: str, context: EngineContext) -> None:
    engine = load(name, context)
    assert engine.name == name
    assert implemented(engine) == manifest(name).capabilities
    assert not engine.is_initialised()
    assert engine.health().status is ServiceStatus.SHUTDOWN
    engine.close()


def test_an_engine_that_lacks_what_it_declares_is_not_loaded(
        context: EngineContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troveguest.datastores.fake.make", lambda context: object())
    with pytest.raises(Internal, match="root"):
        load("fake", context)


def test_an_unknown_engine_is_not_found(context: EngineContext) -> None:
    with pytest.raises(NotFound):
        load("oracle", context)


def test_the_driver_brings_nothing_heavy() -> None:
    """``cryptography`` alone, which PyMySQL imports where it finds it, is 8 MB."""
    look = ("import sys, troveguest.datastores.mariadb.engine, troveguest.datastores.mysqlfamily.sql as m;"
            "m.pymysql.connections; print(*sys.modules)")
    done = subprocess.run([sys.executable, "-c", look], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True,
                          text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert {"pymysql", "troveguest"} <= loaded
    assert not loaded & {"cryptography", "asyncio", "email", "http", "urllib3", "nacl", "amqp", "subprocess", "trove"}


def test_only_the_engine_that_is_named_is_imported() -> None:
    look = "import sys, common.datastores as d; d.manifest('fake'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True,
                          text=True, check=True)
    assert "common.datastores.fake" in done.stdout.split()
    assert "common.datastores.mariadb" not in done.stdout.split()
