"""What a place is made of, and that asking again changes nothing but what is missing."""

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest

from common.contract import codec
from common.contract.placement import Placement
from common.errors import Conflict, HostFailed, Invalid
from common.secret import Secret
from tests import leftovers
from tests.awaiting import until
from tests.troveguest.ground import PASSWORD, Ground
from troveguest import config
from troveguest.host import processes
from troveguest.host.base import ProcessId
from troveguest.host.layout import AGENT, SERVICES
from troveguest.host.record import Record
from troveguest.host.runit import RunitHost
from troveguest.host.supervision import Supervised
from troveguest.place import limits, placing, remains, services

pytestmark = pytest.mark.server


@pytest.fixture
def placement(ground: Ground) -> Placement:
    return ground.placement()


def agent(ground: Ground, placement: Placement) -> ProcessId:
    service = Supervised(ground.layout(placement).supervise(AGENT))

    def program() -> ProcessId | None:
        """The agent's own, no longer the script that becomes it."""
        process = service.process()
        return process if process and "run" in processes.command_line(process.pid) else None

    return until(program, 10, "an agent", 0.02)


def started(ground: Ground, placement: Placement) -> tuple[RunitHost, ProcessId]:
    host = RunitHost(Path(placement.home))
    host.set_command(["sleep", "600"])
    host.start_database()
    process = host.database().process
    assert process is not None
    until(lambda: processes.command_line(process.pid) == ["sleep", "600"], 5, "the server's own program", 0.02)
    return host, process


def picture(home: Path) -> dict[str, tuple[int, int, int, bytes | str]]:
    """Mode, owner and content of everything that place itself makes."""
    found: dict[str, tuple[int, int, int, bytes | str]] = {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if name.startswith("log/agent/") or "/supervise/" in name:
            continue
        info = path.lstat()
        content = path.readlink().name if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        found[name] = (info.st_mode, info.st_uid, info.st_gid, content)
    return found


def test_asking_again_answers_the_same_and_touches_nothing(ground, placement) -> None:
    first = ground.place(placement)
    host, server = started(ground, placement)
    its_agent, supervisor = agent(ground, placement), services.supervisor(host._layout)
    before = picture(host._layout.home)
    assert ground.place(placement) == first
    assert picture(host._layout.home) == before
    assert services.supervisor(host._layout) == supervisor
    assert agent(ground, placement) == its_agent
    assert host.database().process == server


def test_what_was_changed_is_put_right_and_named(ground, placement) -> None:
    ground.place(placement)
    layout = ground.layout(placement)
    host, server = started(ground, placement)
    before = picture(layout.home)
    assert host.drift() == ()
    (layout.service("database") / "run").write_text("#!/bin/sh\nexec sleep 1\n")
    layout.data.chmod(0o700)
    (layout.config / "10-instance.conf").write_text("[DEFAULT]\n")
    assert "another owner or mode" in host.drift()[0].sentence
    assert set(ground.place(placement).repaired) == {
        "services/database/run", "volume/data", "config/10-instance.conf"}
    assert picture(layout.home) == before
    assert host.drift() == ground.place(placement).repaired == ()
    assert host.database().process == server


def test_a_volume_that_was_unmounted_is_named_and_mounted_again(as_root) -> None:
    placement = as_root.placement()
    if as_root.place(placement).volume != "image":
        pytest.skip("this machine has no loop devices")
    host, server = started(as_root, placement)
    subprocess.run(["umount", "--lazy", host._layout.volume], check=True)
    assert "not mounted" in host.drift()[0].sentence
    assert "the mount of the volume" in as_root.place(placement).repaired
    assert host.drift() == () and host.database().process == server


def test_an_agent_that_was_taken_down_is_started_again(ground, placement) -> None:
    ground.place(placement)
    Supervised(ground.layout(placement).supervise(AGENT)).tell(b"d")
    until(lambda: Supervised(ground.layout(placement).supervise(AGENT)).process() is None, 10, "it is down", 0.02)
    ground.place(placement)
    agent(ground, placement)


def test_the_agent_reads_what_it_was_given(ground, placement) -> None:
    ground.place(placement)
    layout = ground.layout(placement)
    options, unknown = config.load([], [layout.config])
    assert unknown == []
    own, bus = options.default, options.bus
    assert (own.instance_id, own.home, own.port) == (placement.instance_id, placement.home, placement.port)
    assert (own.datastore, own.datastore_version, own.memory_mb) == ("fake", "1", 256)
    assert bus.password.reveal() == PASSWORD and Path(bus.ca_file).read_text() == placement.bus.ca_pem
    assert options.keys.epoch == 3 and options.keys.to_guest == placement.keys.to_guest
    assert options.keys.from_guest == placement.keys.from_guest


def test_secrets_are_the_agents_alone_and_in_no_process(ground, placement) -> None:
    ground.place(placement)
    agent(ground, placement)
    layout = ground.layout(placement)
    for path in (layout.config, layout.state):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in layout.config.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_uid == layout.config.stat().st_uid
    secrets = [PASSWORD, placement.keys.to_guest.reveal(), placement.keys.from_guest.reveal()]
    running = remains.find(placement.instance_id, layout.home)
    assert len(running) >= 5, "runsvdir, three runsv, agent"
    for process in running:
        for name in ("cmdline", "environ"):
            text = Path(f"/proc/{process.pid}/{name}").read_bytes().decode(errors="replace")
            assert not any(secret in text for secret in secrets)
    for path in layout.home.rglob("*"):
        if path.is_file() and path.name != "20-secrets.conf":
            assert not any(secret.encode() in path.read_bytes() for secret in secrets), path


def test_the_supervisor_is_below_nobody_and_has_nothing_of_ours(ground, placement) -> None:
    os.environ["LEAK"] = "yes"
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        subprocess.run(ground.command("place"), input=codec.encode(placement), check=True, close_fds=False,
                       stdout=subprocess.DEVNULL, timeout=60)
    finally:
        del os.environ["LEAK"]
        os.close(writer)
    assert os.read(reader, 1) == b"", "somebody still holds our pipe"
    os.close(reader)
    supervisor = services.supervisor(ground.layout(placement))
    assert supervisor is not None
    environment = Path(f"/proc/{supervisor.pid}/environ").read_bytes()
    assert b"LEAK" not in environment
    assert os.getsid(supervisor.pid) == supervisor.pid
    assert processes.terminal(supervisor.pid) == 0


def test_another_place_of_the_broker_restarts_the_agent_and_a_new_key_does_not(ground, placement) -> None:
    """It reads its keys again by itself, when the broker does not let it in."""
    ground.place(placement)
    host, server = started(ground, placement)
    before = agent(ground, placement)
    bus = msgspec.structs.replace(placement.bus, password=Secret("another"))
    ground.place(msgspec.structs.replace(placement, bus=bus))
    assert agent(ground, placement) == before
    ground.place(msgspec.structs.replace(placement, bus=msgspec.structs.replace(bus, host="127.0.0.2")))
    assert processes.wait_end(before, 10)
    assert agent(ground, placement) != before
    assert host.database().process == server


def test_after_a_reboot_it_is_whole_again(ground, placement) -> None:
    answer = ground.place(placement)
    layout = ground.layout(placement)
    host, server = started(ground, placement)
    host.run_job(["touch", str(layout.data / "kept")], 10)
    remains.end_all(placement.instance_id, layout.home)
    if answer.volume == "image":
        subprocess.run(["umount", layout.volume], check=True)
        assert not layout.data.exists(), "no server can write below the mount point"
    limits.remove(placement.instance_id)
    assert host.database().wanted_up and host.database().process is None
    again = ground.place(placement)
    assert msgspec.structs.replace(again, repaired=()) == answer
    assert {f"the supervisor of the service {name}" for name in SERVICES} <= set(again.repaired)
    assert (layout.data / "kept").exists()
    agent(ground, placement)
    host.start_database()
    assert host.database().process not in (None, server)


def test_a_killed_supervisor_is_replaced_and_the_server_goes_on(ground, placement) -> None:
    ground.place(placement)
    host, server = started(ground, placement)
    supervisor = services.supervisor(host._layout)
    os.kill(supervisor.pid, 9)
    assert processes.wait_end(supervisor, 5)
    ground.place(placement)
    assert services.supervisor(host._layout) not in (None, supervisor)
    assert host.database().process == server
    host.stop_database(5)
    assert not processes.is_alive(server)


def test_several_at_once(ground) -> None:
    placements = [ground.placement() for _ in range(4)]
    running = [ground.start("place", placement) for placement in placements]
    answers = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4, answers
    for placement in placements:
        agent(ground, placement)
    running = [ground.start("unplace", {"instance_id": placement.instance_id, "home": placement.home})
               for placement in placements]
    assert [process.wait(120) for process in running] == [0] * 4
    assert [ground.left_of(placement.instance_id) for placement in placements] == [{}] * 4


def test_two_placings_of_one_instance_take_turns(ground, placement) -> None:
    running = [ground.start("place", placement) for _ in range(3)]
    answers = {process.communicate(timeout=120)[0] for process in running}
    assert len(answers) == 1 and [process.returncode for process in running] == [0] * 3
    found = [pid for pid in processes.all_ids() if processes.command_line(pid)[:1] == ["/usr/bin/runsvdir"]
             and str(ground.layout(placement).services) in processes.command_line(pid)]
    assert len(found) == 1


def test_nothing_is_left(ground, placement) -> None:
    ground.place(placement)
    started(ground, placement)
    ground.unplace(placement.instance_id)
    assert ground.left_of(placement.instance_id) == {}
    assert not any(leftovers.accounts(placement.instance_id))
    ground.unplace(placement.instance_id)
    assert ground.left_of(placement.instance_id) == {}


def test_unplace_ends_what_lost_its_parents(ground, placement) -> None:
    ground.place(placement)
    host = RunitHost(Path(placement.home))
    host.set_command(["sh", "-c", "setsid sh -c 'trap \"\" TERM HUP; sleep 600; :' & exec sleep 600"])
    host.start_database()
    until(lambda: len(leftovers.processes(placement.instance_id)) >= 6, 5, "all of them", 0.05)
    ground.unplace(placement.instance_id)
    assert ground.left_of(placement.instance_id) == {}


@pytest.mark.parametrize("home", ["relative/{id}", "{top}/instances/other", "{top}/../{id}", "/"])
def test_a_directory_that_is_not_the_instances_is_refused(ground, home) -> None:
    placement = ground.placement()
    changed = msgspec.structs.replace(placement, home=home.format(top=ground.top, id=placement.instance_id))
    with pytest.raises(Invalid):
        ground.place(changed)


def test_a_link_in_place_of_the_home_is_refused(ground, placement, tmp_path) -> None:
    ground.home(placement.instance_id).parent.mkdir(exist_ok=True)
    ground.home(placement.instance_id).symlink_to(tmp_path)
    with pytest.raises(HostFailed):
        ground.place(placement)
    with pytest.raises(HostFailed):
        ground.unplace(placement.instance_id)
    assert tmp_path.exists()
    ground.home(placement.instance_id).unlink()


def test_a_release_for_another_engine_is_refused(ground) -> None:
    other = ground.top / "other"
    shutil.copytree(ground.release / "bin", other / "bin", dirs_exist_ok=True)
    (other / "lib" / "troveguest" / "datastores" / "fake").mkdir(parents=True, exist_ok=True)
    with pytest.raises(Invalid, match="is not for mariadb"):
        ground.place(ground.placement(release=str(other), datastore="mariadb"))


def test_a_release_that_is_none_is_refused(ground) -> None:
    with pytest.raises(Invalid, match="no release"):
        ground.place(ground.placement(release="/nonexistent"))


def test_a_directory_that_users_cannot_pass_is_named(as_root) -> None:
    as_root.top.chmod(0o700)
    try:
        with pytest.raises(HostFailed, match="cannot pass through") as caught:
            as_root.place(as_root.placement())
        assert "chmod" in caught.value.hint
    finally:
        as_root.top.chmod(0o711)


def test_nothing_is_made_on_a_machine_that_cannot_carry_it(ground) -> None:
    placement = ground.placement(address="127.64.255.2")
    with socket.create_server((placement.address, 0)) as server:
        taken = msgspec.structs.replace(placement, port=server.getsockname()[1])
        with pytest.raises(Conflict, match="Another program listens"):
            ground.place(taken)
    assert ground.left_of(placement.instance_id) == {}
    ground.place(taken)


def test_an_ordinary_user_is_told_what_he_does_not_get(as_ordinary) -> None:
    if os.geteuid() == 0 and as_ordinary.user is None:
        pytest.skip("there is no other user to be")
    placed = as_ordinary.place(as_ordinary.placement())
    assert (placed.limits, placed.volume) == ("none", "directory")
    notes = " ".join(placed.notes)
    assert "not enforced" in notes and "not limited" in notes and "One trust domain" in notes


def test_a_first_place_is_on_the_disk_when_it_is_answered_for(as_root, monkeypatch) -> None:
    placement = as_root.placement()
    flushed: list[Path] = []
    fsync = os.fsync

    def flush(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    placing.place(placement)
    layout = as_root.layout(placement)
    written = [path for top in (layout.config, layout.services) for path in (top, *top.rglob("*"))
               if "supervise" not in path.parts and (path.is_dir() or path.is_file())]
    assert len(written) > 15
    assert {*written, layout.links, layout.home} <= set(flushed)
    assert Record.read(layout.record).unsettled == ""


def test_a_place_that_nobody_was_told_of_is_begun_anew_when_the_machine_went_down(ground, placement) -> None:
    ground.place(placement)
    layout = ground.layout(placement)
    half = layout.data / "half"
    half.write_text("made")
    for boot, is_kept in ((processes.boot_id(), True), ("another", False)):
        msgspec.structs.replace(Record.read(layout.record), unsettled=boot).write(layout.record)
        ground.place(placement)
        assert half.exists() == is_kept
        assert Record.read(layout.record).unsettled == ""
