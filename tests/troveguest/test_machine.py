"""All that is placed on a machine comes back one by one; what was installed goes when nothing is placed."""

import json
from pathlib import Path

import pytest

from common.errors import Conflict, HostFailed, Invalid, NotFound, TroveError
from troveguest import machine
from troveguest.host.layout import Layout
from troveguest.host.record import Record
from troveguest.place import commands, limits, placing, services

FIRST, SECOND, THIRD = (f"{number}0000000-0000-0000-0000-000000000000" for number in (1, 2, 3))
DAMAGED = "00000000-0000-0000-0000-000000000000"


def placed(top: Path, instance_id: str, memory_mb: int = 512) -> Path:
    home = top / "instances" / instance_id
    home.mkdir(parents=True)
    Record(instance_id=instance_id, memory_mb=memory_mb, vcpus=1).write(home / "place.json")
    return home


class Ran:
    """Stands for the programs of the machine; ``answers`` by the word that a command has in it."""

    def __init__(self, **answers: str) -> None:
        self.commands: list[list[str]] = []
        self._answers = answers

    def __call__(self, argv: list[str], **more: object) -> str:
        self.commands.append(argv)
        return next((answer for word, answer in self._answers.items() if word in argv), "")


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "is_root", lambda: True)
    monkeypatch.setattr(commands, "is_systemd", lambda: True)
    monkeypatch.setattr(commands, "find", lambda program: f"/usr/bin/{program}")


def test_each_instance_has_a_line_and_one_that_fails_holds_up_nobody(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restored = []

    def restore(home: Path) -> None:
        if home.name == FIRST:
            raise HostFailed("The volume is gone.", "Mount the disk it is on.")
        restored.append(home.name)

    monkeypatch.setattr(placing, "restore", restore)
    for instance_id, memory in ((FIRST, 512), (SECOND, 0), (THIRD, 512)):
        placed(tmp_path, instance_id, memory)
    (tmp_path / "instances" / "half-removed").mkdir()
    (placed(tmp_path, DAMAGED) / "place.json").write_text("")
    turn, said = machine.restore(tmp_path), []
    with pytest.raises(HostFailed, match=f"Not restored: {DAMAGED}, {FIRST}, {SECOND}"):
        while True:
            said.append(next(turn))
    assert said.pop(0).startswith(f"{DAMAGED} is not restored. ")
    assert said == [
        f"{FIRST} is not restored. The volume is gone. Mount the disk it is on.",
        f"{SECOND} is not restored. It was placed by an earlier release, which did not note its limits. "
        "Its control plane puts it right: trovectl up.",
        f"{THIRD} is in its place."]
    assert restored == [THIRD]


def test_a_record_without_limits_can_be_read(tmp_path: Path) -> None:
    """As releases before this one wrote it."""
    file = tmp_path / "place.json"
    file.write_text('{"instance_id":"x","volume":"image","volume_gb":2,"reason":""}')
    assert Record.read(file) == Record(instance_id="x", volume="image", volume_gb=2)


def test_nothing_is_uninstalled_where_nothing_was_installed_or_instances_are(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(machine.uninstall(tmp_path, with_instances=True))
    (tmp_path / machine.INSTALLED).write_text("[]")
    placed(tmp_path, FIRST)
    (tmp_path / "volumes").mkdir()
    (tmp_path / "volumes" / f"{SECOND}.img").touch()
    with pytest.raises(Conflict, match=f"placed here: {FIRST}, {SECOND}"):
        list(machine.uninstall(tmp_path))
    assert (tmp_path / "instances" / FIRST / "place.json").exists()


def test_what_is_listed_goes_and_the_instances_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top, link = tmp_path / "top", tmp_path / "link"
    placed(top, FIRST)
    link.symlink_to(top)
    (top / machine.INSTALLED).write_text(json.dumps([str(link)]))
    monkeypatch.setattr(placing, "unplace", lambda order: link.lstat())
    monkeypatch.setattr(commands, "is_systemd", lambda: False)
    assert list(machine.uninstall(top, with_instances=True)) == [
        f"The instance {FIRST} and its data are removed.", f"{link} is removed.", f"{top} is removed."]
    assert list(tmp_path.iterdir()) == []


def test_words_that_make_no_sense_and_users_that_may_not_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match="--with-everything is not understood"):
        machine.main(["uninstall", "--with-everything"])
    monkeypatch.setattr(commands, "is_root", lambda: False)
    with pytest.raises(TroveError, match="Only root may restore"):
        machine.main(["restore"])


def test_a_supervisor_is_a_unit_that_takes_no_server_with_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, systemd: None) -> None:
    layout = Layout(tmp_path / FIRST)
    monkeypatch.setattr(commands, "run", Ran(show="not-found\n"))
    begun = services._launching(layout)
    assert begun[0] == "systemd-run" and begun[-1] == str(layout.services / "supervisor")
    assert {f"--unit=trove-{FIRST}.service", "--property=KillMode=process", "--property=Restart=always"} <= set(begun)
    monkeypatch.setattr(commands, "run", Ran(show="loaded\n"))
    assert services._launching(layout) == ["systemctl", "restart", f"trove-{FIRST}.service"]


def test_limits_are_a_slices_and_each_program_is_a_scope_in_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, systemd: None) -> None:
    ran = Ran()
    monkeypatch.setattr(commands, "run", ran)
    monkeypatch.setattr(limits, "ROOT", tmp_path)
    name = "trove-10000000_0000_0000_0000_000000000000.slice"
    group = tmp_path / "trove.slice" / name
    group.mkdir(parents=True)
    (group / "memory.max").write_text(f"{512 << 20}\n")
    made = limits.ensure(FIRST, 512, 2, Path("/volume"))
    assert made.kind == limits.SYSTEMD and made.joins == ()
    assert {"--scope", f"--slice={name}", "--property=RequiresMountsFor=/volume"} <= set(made.within)
    assert {name, f"MemoryMax={512 << 20}", "CPUQuota=200%"} <= set(ran.commands[0])


def test_limits_that_systemd_does_not_set_are_not_claimed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, systemd: None) -> None:
    monkeypatch.setattr(commands, "run", Ran())
    monkeypatch.setattr(limits, "ROOT", tmp_path)
    made = limits.ensure(FIRST, 512, 2, Path("/volume"))
    assert made.kind == limits.NONE and "not limited" in made.note and made.within == ()
