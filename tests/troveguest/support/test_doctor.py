"""Each check of the doctor is well where all is well, and fails for what it is there for."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import HostFailed, NotFound, TroveError
from common.findings import Finding
from tests.awaiting import until
from tests.troveguest.ground import Ground
from tests.troveguest.place.conftest import as_ordinary, as_root, ground  # noqa: F401
from tests.troveguest.support import patients
from troveguest import cli, config
from troveguest.host.layout import AGENT, Layout
from troveguest.host.supervision import Supervised
from troveguest.support import doctor, leftovers
from troveguest.support.doctor import Patient

ME, STRANGER = "0712fb49-02fa-4283-945f-d5f4f6548491", "0712fb49-02fa-4283-945f-000000000000"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return patients.make(tmp_path)


def patient(layout: Layout) -> Patient:
    return Patient(layout, config.load([], [layout.config])[0])


def levels(found: Iterator[Finding]) -> list[str]:
    listed = list(found)
    assert all(each.sentence.endswith(".") and bool(each.remedy) == (each.level != "ok") for each in listed), listed
    return [each.level for each in listed]


def by_check(found: Iterator[Finding]) -> dict[str, Finding]:
    return {each.check: each for each in found}


def test_options(layout: Layout) -> None:
    assert by_check(doctor.instance(layout))["options"].level == "ok"
    path = patients.write(layout, "30-more.conf", "[DEFAULT]\nvolume = large\n")
    assert by_check(doctor.instance(layout))["options"].level == "warning"
    path.write_text("[DEFAULT]\nport = none\n")
    found, = doctor.instance(layout)
    assert found.level == "failed" and "port" in found.sentence and found.remedy


def test_keys_that_others_can_read(layout: Layout) -> None:
    warned, = doctor.secrets(patient(layout))
    assert "one trust domain" in warned.sentence
    (layout.config / "20-secrets.conf").chmod(0o640)
    with pytest.raises(HostFailed, match=r"20-secrets\.conf is not the agent's alone") as caught:
        list(doctor.secrets(patient(layout)))
    assert caught.value.hint.startswith("Run: chmod go= ")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_keys_of_another_user(layout: Layout) -> None:
    os.chown(layout.run, 70001, 70001)
    assert list(doctor.secrets(patient(layout))) == []
    os.chown(layout.state, 70001, -1)
    with pytest.raises(HostFailed, match="state is not the agent's alone"):
        list(doctor.secrets(patient(layout)))


def test_a_supervisor_that_is_gone(layout: Layout) -> None:
    with pytest.raises(HostFailed, match="supervisor does not run"):
        list(doctor.services(patient(layout)))


def test_a_broker_that_is_not_there(layout: Layout) -> None:
    with pytest.raises(TroveError) as caught:
        list(doctor.broker(patient(layout)))
    assert caught.value.code == "unreachable" and "127.0.0.1, port 1," in caught.value.message


def test_orders_that_failed(layout: Layout) -> None:
    with pytest.raises(NotFound):
        list(doctor.journal(patient(layout)))
    journal = patients.journal(layout)
    found, = doctor.journal(patient(layout))
    journal.close()
    assert (found.level, found.sentence, found.remedy) == ("warning", "restart failed: It said no.", "Look.")


def test_the_clock(tmp_path: Path) -> None:
    assert levels(doctor.clock(tmp_path, state=0)) == []
    assert levels(doctor.clock(tmp_path, state=5)) == ["warning"]
    assert levels(doctor.clock(tmp_path)) in ([], ["warning"])


def test_a_machine_is_judged_by_the_release_that_it_runs(tmp_path: Path) -> None:
    assert by_check(doctor.machine(tmp_path, tmp_path))["python"].level == "ok"
    (tmp_path / "manifest.json").write_text(
        json.dumps({"python": "2.7", "arch": "pdp11", "engine": "mariadb", "total": "x"}))
    found = by_check(doctor.machine(tmp_path, tmp_path))
    assert found["python"].level == "failed" and "Python 2.7 on pdp11" in found["python"].sentence
    assert {"programs", "locale", "disk", "clock", "leftovers"} < set(found)


def test_what_is_left_of_instances_that_are_gone(tmp_path: Path) -> None:
    groups, mounts = tmp_path / "cgroup", tmp_path / "mountinfo"
    (groups / "memory").mkdir(parents=True)
    home = tmp_path / "instances" / ME
    home.mkdir(parents=True)
    mounts.write_text(f"1 2 7:1 / {home}/volume rw - xfs /dev/loop1 rw\n")

    def ours() -> list[Finding]:
        return [each for each in leftovers.look(tmp_path, groups, mounts)
                if ME in each.sentence or STRANGER in each.sentence]

    mounted, = ours()
    assert mounted.level == "failed" and json.loads(mounted.remedy.split("'")[1]) == {
        "instance_id": ME, "home": str(home)}
    (home / "place.json").touch()
    assert ours() == []
    for name in (ME, STRANGER):
        (groups / "memory" / f"trove-{name}").mkdir()
    warned, = ours()
    assert warned.level == "warning" and STRANGER in warned.sentence
    (tmp_path / "instances" / STRANGER).mkdir()
    assert ours() == []


def test_what_is_gone_altogether_is_a_finding(layout: Layout) -> None:
    layout.run.rmdir()
    found = by_check(doctor.instance(layout))["secrets"]
    assert found.level == "failed" and f"{layout.run}: No such file" in found.sentence


def test_the_command_prints_a_line_for_each_finding_or_json(
        layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--config-dir", str(layout.config), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is False and all(each["remedy"] for each in told["findings"] if each["level"] == "failed")
    assert f"{patients.ID[:8]} services" in {each["check"] for each in told["findings"]}
    assert cli.main(["doctor", "--config-dir", str(layout.config)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("failed  8a8d3a4e services") and "supervisor does not run. Place" in line
               for line in lines)


@pytest.mark.server
def test_a_place_as_it_was_made_and_when_its_agent_is_down(ground: Ground) -> None:  # noqa: F811
    placement = ground.placement(address="127.64.255.4")
    ground.place(placement)
    layout = ground.layout(placement)
    agent = Supervised(layout.supervise(AGENT))
    until(lambda: agent.process() is not None, 10, "the agent runs", 0.02)
    found = by_check(doctor.instance(layout))
    assert {found[name].level for name in ("options", "release", "permissions", "address", "services")} == {"ok"}, found
    assert found["secrets"].level == ("ok" if ground.user is None and os.geteuid() == 0 else "warning")
    agent.tell(b"d")
    until(lambda: agent.process() is None, 10, "the agent is down", 0.02)
    assert by_check(doctor.instance(layout))["services"].sentence == "The agent does not run."
    layout.wanted.touch()
    agent.tell(b"u")
    until(lambda: agent.process() is not None, 10, "the agent runs", 0.02)
    assert "is to be up, and is down" in by_check(doctor.instance(layout))["services"].sentence
    layout.wanted.unlink()
    layout.data.chmod(0o700)
    assert "another owner or mode" in by_check(doctor.instance(layout))["services"].sentence


def test_a_supervisor_whose_instance_is_gone(tmp_path: Path) -> None:
    (tmp_path / "cgroup").mkdir()
    (tmp_path / "mountinfo").touch()
    home = tmp_path / "instances" / ME
    waiting = ["runsvdir", "-c", "read line", "-P", f"{home}/services"]
    with subprocess.Popen(waiting, executable="/bin/sh", stdin=subprocess.PIPE) as left:
        def found() -> list[str]:
            return [each.level for each in leftovers.look(tmp_path, tmp_path / "cgroup", tmp_path / "mountinfo")
                    if str(home) in each.sentence]

        until(lambda: found() == ["failed"], 5, "the supervisor is seen", 0.02)
        home.mkdir(parents=True)
        (home / "place.json").touch()
        assert found() == []
        left.kill()
