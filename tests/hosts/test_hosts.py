"""The hosts that tests make are what they claim to be: machines of their own, reached over SSH, cut and rebooted."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.awaiting import until
from tests.hosts import claims, kinds
from tests.hosts.host import Host
from tests.hosts.network import Network, network

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())]


@pytest.fixture(scope="module")
def ground() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def plain(ground: Network) -> Iterator[Host]:
    with kinds.plain_host(ground, "plain") as host:
        yield host


@pytest.fixture(scope="module")
def booted(ground: Network) -> Iterator[Host]:
    with kinds.systemd_host(ground, "booted") as host:
        yield host


@pytest.fixture(params=["plain", "booted"])
def host(request: pytest.FixtureRequest) -> Host:
    return request.getfixturevalue(request.param)


def test_the_login_is_nobody_special_and_may_become_root(host: Host) -> None:
    assert host.ssh("id", "-un").strip() == host.login
    assert host.ssh("sudo", "-n", "id", "-un").strip() == "root"


def test_hosts_share_no_files_no_processes_and_no_accounts(plain: Host, booted: Host) -> None:
    plain.ssh("sudo", "mkdir", "/var/lib/troveguest")
    plain.ssh("sudo", "useradd", "nobody-else")
    assert booted.find("troveguest", "/var/lib") == []
    assert "nobody-else" not in booted.run("cat", "/etc/passwd")
    assert plain.processes("systemd") == []
    plain.ssh("sudo", "rmdir", "/var/lib/troveguest")


def test_a_volume_can_be_made_and_limits_be_set(host: Host, plain: Host) -> None:
    if host is not plain:
        host.ssh("sudo", "apt-get", "--quiet", "--yes", "install", "xfsprogs")
    host.run("sh", "-ec", """
        truncate -s 400M /root/volume.img && mkfs.xfs -q /root/volume.img && mkdir /mnt/volume
        mount -o loop /root/volume.img /mnt/volume && grep -q ' /mnt/volume xfs ' /proc/self/mounts
        umount /mnt/volume && rmdir /mnt/volume && rm /root/volume.img
        at=/sys/fs/cgroup/memory; [ -d $at ] || at=/sys/fs/cgroup; mkdir $at/group && rmdir $at/group""")


def test_a_cut_host_answers_nobody_and_goes_on_by_itself(host: Host) -> None:
    with host.unreachable():
        assert host.run("hostname").strip() == host.name
        with pytest.raises(TimeoutError), socket.create_connection((host.address, 22), timeout=0.5):
            pass
    assert host.ssh("hostname").strip() == host.name


def test_a_reboot_ends_processes_and_keeps_the_disk(host: Host) -> None:
    boot = "/proc/sys/kernel/random/boot_id"
    before = host.run("cat", boot)
    host.run("touch", "/etc/kept", "/run/lost")
    host.run("sh", "-c", "setsid --fork sleep 987 >/dev/null 2>&1")
    host.reboot()
    assert host.run("cat", boot) != before
    assert host.find("kept", "/etc") == ["/etc/kept"]
    assert host.find("lost", "/run") == [] == host.processes("sleep 987")


def test_what_a_killed_run_left_is_swept_by_the_next() -> None:
    script = "from tests.hosts import kinds, network, roots\n" \
             "with network.network() as made, kinds.plain_host(made, 'orphan', (roots.bare(),)):\n" \
             "    print(made.bridge, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        bridge = killed.stdout.readline().decode().strip()
        killed.kill()
    assert any(space.startswith(f"{bridge}-") for space in claims.namespaces())
    with network():
        until(lambda: not any(space.startswith(f"{bridge}-") for space in claims.namespaces()), 5, "nothing is left")


def test_volumes_of_others_on_this_machine_are_not_held(ground: Network, tmp_path: Path) -> None:
    image, at = tmp_path / "image", tmp_path / "at"
    at.mkdir()
    subprocess.run(["truncate", "-s", "400M", image], check=True)
    subprocess.run(["mkfs.xfs", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, at], check=True)
    try:
        with kinds.systemd_host(ground, "beside"):
            subprocess.run(["umount", at], check=True)
            until(lambda: not subprocess.run(["losetup", "--associated", image], capture_output=True).stdout, 10,
                  "the loop device lets go")
    finally:
        subprocess.run(["umount", "--quiet", at], check=False)
