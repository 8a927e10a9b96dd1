"""A release goes to a host: all of it or nothing, as it was built, and the second time only what differs."""

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import releases
from common.errors import HostFailed, Invalid, NotFound, TroveError
from tests import ground
from tests.awaiting import until
from tests.trove.providers.ssh import servers
from tests.trove.providers.ssh.servers import Machine
from tests.trove.releases import making
from trove.providers.ssh.delivery import Delivered, Delivery
from trove.releases import building, installing, receiving
from trove.releases import machine as prepared

pytestmark = pytest.mark.server

PROGRAM = "def main():\n    return 0\n"
BALLAST = "".join(f"x{number} = {number ** 7}\n" for number in range(20000))
"""Half a megabyte that no version differs in, as an agent's libraries are."""


class Site:
    """A control plane's releases, and a host's directory; the login is our own, whose home is a directory of ours."""

    def __init__(self, directory: Path, machine: Machine) -> None:
        self.machine, self.releases, self.root = machine, directory / "releases", servers.disk(directory / "host")
        self.top = prepared.top(str(self.root))
        self.releases.mkdir()
        self.staging = Path.home() / ".cache/troveguest/staging" / directory.name
        self.delivery = Delivery(machine.transport, self.releases, directory.name, directory / "locks", str(self.root))

    def build(self, program: str = PROGRAM) -> str:
        made = making.make(self.releases / "new", program)
        (made / "lib" / "ballast.py").write_text(BALLAST)
        total = building.finish(made, version="1.2.3", contract="1.1", target=making.HERE, licences=[]).total
        made.rename(self.releases / total)
        return total

    def deliver(self, release: str) -> Delivered:
        return self.delivery.deliver(self.machine.server, release)

    def on_host(self) -> set[str]:
        return set(os.listdir(self.top / "releases")) if self.top.exists() else set()


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with ground.directory() as directory, servers.running(directory) as made:
        yield made


@pytest.fixture
def site(machine: Machine) -> Iterator[Site]:
    with ground.directory() as directory:
        made = Site(directory, machine)
        yield made
        shutil.rmtree(made.staging, ignore_errors=True)


def test_what_arrives_is_what_was_built_and_a_line_moves_little(site: Site) -> None:
    first, second = site.build(), site.build(PROGRAM + "# one line\n")
    whole = site.deliver(first)
    assert whole.path == f"{site.top}/releases/{first}" and whole.moved is not None
    assert releases.verify(Path(whole.path)).total == first
    assert (Path(whole.path) / releases.COMPILED).exists(), "byte-compiled there"
    assert prepared.is_ready(str(site.root)), "restored when it boots"
    assert whole.moved.size > len(BALLAST) and whole.moved.files == 5
    line = site.deliver(second)
    assert line.moved is not None and line.moved.files == 2, "the program and the manifest"
    assert line.moved.sent + line.moved.received < 10_000 < whole.moved.sent
    assert releases.verify(Path(line.path)).total == second
    assert site.deliver(second).moved is None, "it is there"


def test_no_byte_code_of_ours_travels(site: Site) -> None:
    release = site.build()
    installing._compile(releases.read(site.releases / release), site.releases / release)
    assert site.deliver(release).moved.files == 5
    assert not [*site.staging.rglob("*.pyc")] and not (site.staging / releases.COMPILED).exists()


def test_two_at_once_are_both_whole(site: Site) -> None:
    made = [site.build(), site.build(PROGRAM + "# other\n")]
    arrived: list[str] = []
    threads = [threading.Thread(target=lambda each=each: arrived.append(site.deliver(each).path)) for each in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(releases.verify(Path(path)).total for path in arrived) == sorted(made)


def test_one_that_is_cut_short_leaves_nothing_half_and_is_repeated(site: Site) -> None:
    release = site.build()
    cut = threading.Thread(target=_ignoring, args=(site, release))
    cut.start()
    until(lambda: [*site.staging.rglob(".*.??????")] or [*site.staging.rglob("*.py")], 20, "files arrive", every=0.001)
    site.machine.cut()
    cut.join(30)
    assert site.on_host() <= {release}
    assert releases.verify(Path(site.deliver(release).path)).total == release
    assert site.on_host() == {release}


def _ignoring(site: Site, release: str) -> None:
    with contextlib.suppress(TroveError):
        site.deliver(release)


def test_another_hash_is_refused_here_and_there(site: Site) -> None:
    release, other = site.build(), site.build(PROGRAM + "# other\n")
    (site.releases / release).rename(site.releases / ("0" * 64))
    with pytest.raises(Invalid, match="another hash than its name"):
        site.deliver("0" * 64)
    with pytest.raises(NotFound, match="no release 1111"):
        site.deliver("1" * 64)
    site.deliver(other)
    with pytest.raises(Invalid, match="and not 2222"):
        receiving.receive("2" * 64, str(site.staging), str(site.root))
    with (site.staging / "lib" / "ballast.py").open("a") as file:
        file.write("# slipped in\n")
    shutil.rmtree(site.top)
    with pytest.raises(Invalid, match=r"lib/ballast.py is not what its manifest says"):
        receiving.receive(other, str(site.staging), str(site.root))
    assert site.on_host() == set()


def test_one_for_another_machine_is_refused_by_the_host(site: Site) -> None:
    made = making.make(site.releases / "new", made_for=building.Target("fake", "2.7", "pdp11"))
    release = releases.read(made).total
    made.rename(site.releases / release)
    with pytest.raises(HostFailed, match=r"is for Python 2\.7 on pdp11"):
        site.deliver(release)
    assert site.on_host() == set()


def test_a_damaged_one_is_put_right(site: Site) -> None:
    release = site.build()
    program = Path(site.deliver(release).path) / installing.PROGRAM
    program.write_text("#!/bin/sh\n")
    assert site.deliver(release).moved is not None
    assert releases.verify(program.parent.parent).total == release
