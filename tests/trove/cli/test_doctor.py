"""``trovectl doctor``: each check sees what it is for, and says what to do about it."""

import json
import os
import re
import socket
import types
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import findings
from common.contract import codec
from common.errors import HostFailed
from common.findings import Finding
from tests import ground
from tests.trove.cli.served import Served
from tests.trove.cli.typed import trovectl
from trove.cli.checks import installation, machine
from trove.db.store import open_store
from trove.standalone import ports, rabbit_files, service
from trove.standalone.state import State

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def state() -> Iterator[State]:
    with ground.directory() as directory:
        made = State(directory / "state")
        made.make()
        yield made


def levels(found: Iterator[Finding]) -> list[str]:
    listed = list(found)
    assert all(each.sentence.endswith(".") and (each.level == "ok") == (not each.remedy) for each in listed), listed
    return [each.level for each in listed]


def file(root: Path, name: str, text: str = "") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_packages_are_those_that_are_installed() -> None:
    script = (CHECKOUT / "bin" / "_packages").read_text()
    needed = re.search(r"^needed='\n(.*?)^'", script, re.DOTALL | re.MULTILINE)
    assert needed is not None
    assert dict(line.split(":/") for line in needed[1].split()) == machine.PACKAGES


def test_a_missing_package_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    for name in machine.PACKAGES.values():
        file(tmp_path, name.replace("*", "3.11"))
    assert levels(machine.packages(tmp_path)) == ["ok"]
    (tmp_path / machine.PACKAGES["runit"]).unlink()
    (found,) = machine.packages(tmp_path)
    assert (found.level, found.sentence) == ("failed", "Debian packages are missing: runit.")
    assert found.remedy.startswith("Run: apt-get install") and found.remedy.endswith(" runit")


@pytest.mark.parametrize(("answer", "level"), [("3 11", "ok"), ("3 9", "failed"), ("", "failed")])
def test_the_python_of_agents(tmp_path: Path, answer: str, level: str) -> None:
    program = file(tmp_path, "python3", f"#!/bin/sh\necho {answer}\n")
    program.chmod(0o755)
    assert levels(machine.python(str(program))) == [level]


@pytest.mark.parametrize(("available", "level"), [(4 << 20, "ok"), (1 << 20, "warning"), (100 << 10, "failed")])
def test_memory(tmp_path: Path, available: int, level: str) -> None:
    table = file(tmp_path, "meminfo", f"MemTotal:  9999999 kB\nMemAvailable: {available} kB\n")
    assert levels(machine.memory(table)) == [level]


def test_disk_of_a_directory_that_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((20 * machine.GIB, "ok"), (3 * machine.GIB, "warning"), (machine.GIB, "failed")):
        usage = {tmp_path: types.SimpleNamespace(free=free)}
        monkeypatch.setattr(machine.shutil, "disk_usage", usage.__getitem__)
        assert levels(machine.disk(tmp_path / "not" / "there")) == [level]


def test_a_clock_that_went_back(tmp_path: Path) -> None:
    written = file(tmp_path, "key")
    os.utime(written, (4e9, 4e9))
    assert levels(machine.clock([written, tmp_path / "none"])) == ["failed"]
    os.utime(written, (1e9, 1e9))
    assert levels(machine.clock([written])) in (["ok"], ["warning"])


def test_loop_devices(tmp_path: Path) -> None:
    table = file(tmp_path, "proc/filesystems", "nodev\tproc\n\text4\n")
    assert levels(machine.loop_devices(tmp_path)) == ["warning"]
    file(tmp_path, "dev/loop-control")
    assert levels(machine.loop_devices(tmp_path)) == ["warning"]
    table.write_text("\txfs\n")
    assert levels(machine.loop_devices(tmp_path)) == ["ok"]


def test_control_groups_of_both_versions(tmp_path: Path) -> None:
    assert levels(machine.control_groups(tmp_path)) == ["warning"]
    file(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes")
    assert [each.sentence[-10:] for each in machine.control_groups(tmp_path)] == ["version 1."]
    file(tmp_path, "sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")
    assert [each.sentence[-10:] for each in machine.control_groups(tmp_path)] == ["version 2."]


def test_permissions(state: State) -> None:
    assert levels(installation.permissions(state)) == (["ok"] if os.geteuid() == 0 else ["warning", "ok"])
    state.key.touch(mode=0o600)
    state.key.chmod(0o640)
    assert "chmod 600" in list(installation.permissions(state))[-1].remedy
    state.key.chmod(0o600)
    state.root.chmod(0o700)
    assert levels(installation.permissions(state, user=0))[0] == "failed"
    stranger = os.geteuid() + 1
    assert levels(installation.permissions(state, user=stranger)) == ["warning", "failed"]


def test_the_api(state: State, api: Served) -> None:
    assert levels(installation.api(state)) == ["ok"]
    state.announce(service.own_control(api.endpoint))
    assert [each.sentence for each in installation.api(state)] == [f"The API answers at {api.endpoint}."]
    state.announce(service.own_control("http://127.0.0.1:1"))
    assert levels(installation.api(state)) == ["failed"]


def test_ports(state: State) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        state.configuration.write_text(f"[DEFAULT]\nbind_port = {taken.getsockname()[1]}\n")
        assert levels(installation.api_port(state, installation.load(state))) == ["warning"]
    assert levels(installation.api_port(state, installation.load(state))) == ["ok"]
    assert levels(installation.database_port(frozenset({("0.0.0.0", 3306)}))) == ["failed"]
    assert levels(installation.database_port(frozenset({("127.64.0.1", 3306), ("0.0.0.0", 22)}))) == ["ok"]


def test_a_broker_that_is_down(state: State) -> None:
    conf = installation.load(state)
    assert list(installation.broker(state, conf)) == []
    identity = rabbit_files.new_identity(ports.choose(4))
    file(state.rabbit, "node.json", codec.encode(identity).decode())
    assert levels(installation.broker(state, conf)) == ["ok"]
    with socket.create_server(("127.0.0.1", identity.ports.amqp)):
        (found,) = installation.broker(state, conf)
    assert found.level == "failed" and str(identity.ports.amqp) in found.sentence
    state.announce(service.own_control("http://127.0.0.1:1"))
    assert levels(installation.broker(state, conf)) == ["failed"]


def test_what_belongs_to_no_instance_is_left_over(state: State, tmp_path: Path) -> None:
    conf, lost = installation.load(state), str(uuid.uuid4())
    assert list(installation.leftovers(state, conf, tmp_path)) == []
    open_store(state.sqlite(state.store), state.key).close()
    state.installation()
    assert levels(installation.leftovers(state, conf, tmp_path)) == ["ok"]
    (state.root / "instances" / lost).mkdir()
    file(tmp_path, "loop7/loop/backing_file", f"{state.root}/volumes/{uuid.uuid4()}.img (deleted)\n")
    file(tmp_path, "loop8/loop/backing_file", f"/elsewhere/volumes/{uuid.uuid4()}.img\n")
    place, loop = installation.leftovers(state, conf, tmp_path)
    assert lost in place.sentence and place.level == "failed"
    order = re.search(r"echo '(.*)' \| ", place.remedy)
    assert order and json.loads(order[1]) == {"instance_id": lost, "home": str(state.root / "instances" / lost)}
    assert loop.remedy == "Run: losetup --detach /dev/loop7"


def test_a_store_that_cannot_be_read_is_a_finding(state: State, tmp_path: Path) -> None:
    state.store.write_text("no database at all" * 100)
    (found,) = findings.collect("leftovers",
                                lambda: installation.leftovers(state, installation.load(state), tmp_path))
    assert found.level == "failed" and "The store cannot be read" in found.sentence


def test_an_error_of_a_check_is_its_finding() -> None:
    def look() -> Iterator[Finding]:
        yield findings.ok("one", "It is well.")
        raise HostFailed("It is not.", "Mend it.")
    found = findings.collect("one", look)
    assert found == [Finding("ok", "one", "It is well."), Finding("failed", "one", "It is not.", "Mend it.")]


def test_the_command_prints_each_finding_and_ends_with_one_when_something_failed(state: State) -> None:
    state.configuration.write_text("[DEFAULT]\napi_threads = many\n")
    shown = trovectl("doctor", "--json", "--state", str(state.root))
    told = json.loads(shown.stdout)
    failed = [each for each in told["findings"] if each["level"] == "failed"]
    assert shown.exit_code == 1 and told["healthy"] is False
    assert "options" in [each["check"] for each in failed] and all(each["remedy"] for each in failed)
    assert "api_threads" in trovectl("doctor", "--state", str(state.root)).stdout


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    trovectl("doctor", "--state", str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []
