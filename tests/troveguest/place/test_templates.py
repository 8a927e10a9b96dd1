"""Templates: made behind the first place, copied into the next ones, and never a way from one instance to another; and
the server that is begun with its place."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from common.contract.placement import Placement
from tests import leftovers
from tests.awaiting import until
from tests.troveguest.ground import Ground
from tests.troveguest.ground import ground as new_ground
from tests.troveguest.place.test_killed import LIVED_OR_DIED, calls, mortal, points
from troveguest.datastores.postgresql import template as postgresql
from troveguest.host.base import ProcessId
from troveguest.host.layout import Layout
from troveguest.host.record import Record
from troveguest.host.runit import RunitHost
from troveguest.place import templates

pytestmark = pytest.mark.server

FACTS = {
    "mariadb": {"datastore": "mariadb", "datastore_version": "10.11"},
    "postgresql": {"datastore": "postgresql", "datastore_version": "15", "binaries": "/usr/lib/postgresql/15/bin"},
}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make users and mounts")
    with new_ground() as made:
        yield made


@pytest.fixture(params=list(FACTS))
def engine(request, ground: Ground) -> str:
    name = str(request.param)
    if not list((ground.top / "templates").glob(f"{name}-*/manifest.json")):
        first = placed(ground, name)
        assert runs(first)  # it has initialised itself
        until(lambda: made(ground, name), 60, f"a template of {name} is made")
        until(lambda: not leftovers.processes(home_of_maker(first).name), 20, "the maker is gone")
    return name


def placement(ground: Ground, engine: str) -> Placement:
    return ground.placement(template=True, address=f"127.64.1.{len(ground.made) + 1}", **FACTS[engine])


def placed(ground: Ground, engine: str) -> Placement:
    asked = placement(ground, engine)
    assert ground.place(asked).notes == ()
    return asked


def made(ground: Ground, engine: str) -> Path | None:
    found = [path.parent for path in (ground.top / "templates").glob(f"{engine}-*/manifest.json")]
    return found[0] if found else None


def data(asked: Placement) -> Path:
    return Layout(Path(asked.home)).data


def home_of_maker(asked: Placement) -> Path:
    found = templates.find(asked)
    assert found is not None
    return found.home


def copied(asked: Placement, target: Path) -> Path:
    """A copy as a new volume gets it, which no server has had."""
    template = templates.find(asked)
    assert template is not None
    assert template.copy(target, (-1, -1)) == ""
    return target


def runs(asked: Placement) -> ProcessId | None:
    return RunitHost(Path(asked.home)).database().process


def without_power(asked: Placement) -> None:
    """Nothing of it runs any more, and nobody has a child of it left to bury: to PostgreSQL that would be a server."""
    killed: set[str] = set()

    def ended() -> bool:
        found = {line.partition(" ")[0] for line in leftovers.processes(asked.instance_id)}
        killed.update(found)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return not any(Path("/proc", pid).exists() for pid in killed)

    until(ended, 20, "all of it has ended", every=0.05)


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_new_place_has_an_initialised_server_that_is_its_own(ground, engine) -> None:
    asked = placed(ground, engine)
    process = runs(asked)
    assert process is not None
    without_power(asked)
    owner = data(asked).stat().st_uid
    assert process.pid and owner not in (0, Layout(Path(asked.home)).config.stat().st_uid)
    found = list(data(asked).rglob("*"))
    assert len(found) > 50
    assert {path.lstat().st_uid for path in found} == {owner}
    assert Record.read(Layout(Path(asked.home)).record).unsettled == ""


def test_who_begins_a_server_is_its_agents_user(ground, engine) -> None:
    asked = placed(ground, engine)
    layout = Layout(Path(asked.home))
    agent = layout.config.stat().st_uid
    assert agent != 0 and {path.stat().st_uid for path in (layout.command, layout.wanted)} == {agent}
    server = Path(f"/proc/{(runs(asked) or pytest.fail('no server runs')).pid}")
    assert server.stat().st_uid == layout.run.stat().st_uid != agent


def test_a_server_that_could_not_be_begun_is_said_and_is_the_agents_to_make(ground) -> None:
    programs = ground.top / "broken"
    (programs / "bin").mkdir(mode=0o755, parents=True)
    for name in ("mariadbd", "mariadb-install-db", "my_print_defaults"):
        (programs / "bin" / name).symlink_to("/bin/false")
    asked = ground.placement(template=True, address="127.64.1.250", datastore="mariadb", datastore_version="10.11",
                             binaries=str(programs))
    (note,) = ground.place(asked).notes
    assert note.startswith("The server was not begun with its place: MariaDB's data directory could not be made.")
    assert runs(asked) is None


def test_a_server_is_begun_once(ground, engine) -> None:
    asked = placed(ground, engine)
    before = runs(asked)
    assert before is not None
    assert ground.place(asked).repaired == ()
    assert runs(asked) == before
    RunitHost(Path(asked.home)).stop_database(20)
    assert ground.place(asked).notes == ()
    assert runs(asked) is None


def test_a_template_is_roots(ground, engine) -> None:
    template = made(ground, engine)
    assert template is not None
    assert {path.lstat().st_uid for path in (template.parent, template, *template.rglob("*"))} == {0}
    assert template.stat().st_mode & 0o077 == 0


def test_its_maker_leaves_nothing(ground, engine) -> None:
    maker = home_of_maker(placement(ground, engine))
    until(lambda: not maker.exists(), 20, "the maker has gone")
    assert ground.left_of(maker.name) == {}


def test_copies_share_no_secret_and_no_identifier(ground, engine, tmp_path: Path) -> None:
    """What differs is what identifies; MariaDB has nothing of the kind but Aria's uuid, which says who wrote a file."""
    first, second = (contents(copied(placement(ground, engine), tmp_path / name)) for name in ("first", "second"))
    assert first.keys() == second.keys()
    assert not [name for name in first if name.endswith(".pem") or name.endswith("auto.cnf")]
    differing = {name for name in first if first[name] != second[name]}
    if engine == "mariadb":
        assert differing == set()
        assert b"tra-" not in first["server/mysql/global_priv.MAD"]  # no agent's account, and so no other's
        return
    logs = {name for name in first if name.startswith("server/pg_wal/")}
    assert differing == {"server/global/pg_control"} | logs
    ours, others = (each["server/global/pg_control"] for each in (first, second))
    end = postgresql._checksum_at(bytearray(ours))
    assert ours[:8] != others[:8]
    assert ours[end - 32:end] != others[end - 32:end]


def test_postgresql_believes_its_control_file(ground, tmp_path: Path) -> None:
    template = made(ground, "postgresql")
    if template is None:
        pytest.skip("no template was made")
    copy = copied(placement(ground, "postgresql"), tmp_path / "data")
    said = subprocess.run(["/usr/lib/postgresql/15/bin/pg_controldata", copy / "server"], text=True,
                          capture_output=True, env={"LC_ALL": "C"}, check=True)
    assert "WARNING" not in said.stdout + said.stderr
    assert "shut down" in said.stdout


def test_a_damaged_template_is_put_aside_and_said(ground, engine) -> None:
    template = made(ground, engine)
    assert template is not None
    files = [path for path in (template / "tree").rglob("*") if path.is_file()]
    victim = max(files, key=lambda path: path.stat().st_size)
    with victim.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    asked = placement(ground, engine)
    told = ground.place(asked).notes
    assert len(told) == 1
    assert "is damaged and was put aside" in told[0]
    assert runs(asked)  # it has initialised itself
    assert template.with_name(f"{template.name}.damaged").is_dir()
    until(lambda: made(ground, engine), 60, "another template is made")


def test_data_that_is_there_is_never_replaced(ground, engine) -> None:
    asked = placed(ground, engine)
    without_power(asked)
    mine = data(asked) / "server" / "tenants"
    mine.write_text("mine")
    assert ground.place(asked).notes == ()
    assert mine.read_text() == "mine"
    subprocess.run(["rm", "-rf", data(asked) / "server"], check=True)
    ground.place(asked)
    assert not (data(asked) / "server").exists()


def test_what_was_not_on_the_disk_when_the_machine_went_down_is_copied_again(ground, engine) -> None:
    asked = placed(ground, engine)
    without_power(asked)
    template = made(ground, engine)
    assert template is not None
    lost = data(asked) / sorted(contents(template / "tree"))[0]
    lost.unlink()
    record = Layout(Path(asked.home)).record
    record.write_text(json.dumps(json.loads(record.read_text()) | {"unsettled": "another boot"}))
    ground.place(asked)
    until(lambda: runs(asked), 20, "the server runs")
    assert lost.exists()
    assert Record.read(record).unsettled == ""


def test_without_a_wish_for_it_the_server_is_the_agents_to_make(ground, engine) -> None:
    asked = ground.placement(address="127.64.2.2", **FACTS[engine])
    ground.place(asked)
    assert list(data(asked).iterdir()) == [] and runs(asked) is None


def test_a_template_is_read_once_and_again_when_it_was_touched_or_after_a_while(
        ground, engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    sums = templates._sums
    monkeypatch.setattr(templates, "_sums", lambda tree: (read.append(tree), sums(tree))[1])
    asked, template = placement(ground, engine), made(ground, engine)
    assert template is not None
    (template / "seen.json").unlink(missing_ok=True)
    for number in range(3):
        copied(asked, tmp_path / str(number))
    assert read == [template / "tree"]
    next(path for path in (template / "tree").rglob("*") if path.is_file()).touch()
    copied(asked, tmp_path / "touched")
    assert len(read) == 2
    monkeypatch.setattr(templates, "_SURE", 0.0)
    copied(asked, tmp_path / "later")
    assert len(read) == 3


def test_the_checksum_is_castagnolis() -> None:
    assert postgresql.crc32c(b"123456789") == 0xE3069283  # the check value of RFC 3720's CRC


@pytest.mark.long
def test_a_place_that_was_killed_while_it_copied_is_finished_by_asking_again(ground) -> None:
    if made(ground, "mariadb") is None:
        pytest.skip("no template was made")
    whole = contents(made(ground, "mariadb") / "tree").keys()
    total = calls(ground, "place", placement(ground, "mariadb"))
    for last in points(total):
        asked = placement(ground, "mariadb")
        assert mortal(ground, "place", asked, last).returncode in LIVED_OR_DIED
        assert ground.place(asked).notes == ()
        without_power(asked)
        assert contents(data(asked)).keys() >= whole, last
        assert Record.read(Layout(Path(asked.home)).record).unsettled == ""
        ground.unplace(asked.instance_id)


def test_a_maker_that_was_killed_leaves_what_the_next_one_removes(ground) -> None:
    """What it had made stands where an instance's things do."""
    template = made(ground, "mariadb")
    if template is None:
        pytest.skip("no template was made")
    asked = placement(ground, "mariadb")
    maker = home_of_maker(asked)
    until(lambda: not maker.exists(), 20, "no maker is at work")
    (maker / "template" / "tree").mkdir(parents=True)
    (maker / "template" / "tree" / "half").write_text("half")
    subprocess.run(["rm", "-r", template], check=True)
    ground.place(asked)
    until(lambda: made(ground, "mariadb"), 60, "another template is made")
    until(lambda: not maker.exists(), 20, "the maker has gone")
    assert not (template / "tree" / "half").exists()
