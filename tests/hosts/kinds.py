"""The kinds of test hosts: one without a service manager of the system, one that systemd boots."""

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.hosts import claims, roots
from tests.hosts.host import CONTROLLERS, Host
from tests.hosts.network import Network

H = TypeVar("H", bound=Host)
_REBOOTED = 133
_LOOP_DEVICES = range(64)
_LOOP_CTL_ADD = 0x4C80


class PlainHost(Host):
    """Process 1 is runsvdir over /etc/service where runit is installed, with sshd in it; else it is sshd itself."""

    def command(self) -> str:
        script = self.directory / "boot"
        script.write_text(self._script())
        return (f"nsenter --net=/run/netns/{self.namespace} unshare --pid --ipc --uts --cgroup --mount"
                f" --propagation private --fork --kill-child sh {script}")

    def _script(self) -> str:
        """From a mounted disk to process 1; every boot has an id of its own, as on a real machine."""
        groups = "".join(
            f"if [ -d {claims.CGROUPS}/{each} ]; then mkdir sys/fs/cgroup/{each};"
            f" mount -t {'cgroup2' if each == 'unified' else 'cgroup'}"
            f"{'' if each == 'unified' else f' -o {_option(each)}'} cgroup sys/fs/cgroup/{each}; fi\n"
            for each in CONTROLLERS)
        return f"""set -e
cd {self.directory}/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
{groups}mount --rbind /dev dev
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/sshd
hostname {self.name}
echo {uuid.uuid4()} >run/boot_id
mount --bind run/boot_id proc/sys/kernel/random/boot_id
pivot_root . .
umount -l .
cd /
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
if [ -x /usr/bin/runsvdir ]; then
    mkdir -p /etc/sv/ssh /etc/service
    printf '#!/bin/sh\\nexec /usr/sbin/sshd -D -e\\n' >/etc/sv/ssh/run
    chmod 755 /etc/sv/ssh/run
    ln -sfn /etc/sv/ssh /etc/service/ssh
    exec runsvdir -P /etc/service
fi
exec /usr/sbin/sshd -D -e
"""


class SystemdHost(Host):
    """A systemd-nspawn guest: boots Debian's systemd, which starts Debian's ssh.service."""

    def _prepare(self) -> None:
        """systemd finds out which controllers it may use when it starts, before the guest is let to them."""
        super()._prepare()
        drop_in = self.directory / "upper/etc/systemd/system/controllers.service.d/looked-at-again.conf"
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text("[Service]\nExecStart=/bin/systemctl daemon-reexec\n")

    def command(self) -> str:
        devices = " ".join(f"--bind={device}" for device in _loop_devices())
        return (f"systemd-nspawn --quiet --boot --directory={self.directory}/root --register=no --keep-unit"
                f" --network-namespace-path=/run/netns/{self.namespace} --machine={self.namespace}"
                f" --hostname={self.name} --capability=all --resolv-conf=off --timezone=off --link-journal=no"
                f" --console=read-only {devices}")

    def reboot(self) -> None:
        """In order, as ``systemctl reboot`` does it."""
        self.run("systemctl", "reboot", check=False)
        assert self.wait() == _REBOOTED
        self.power_off()
        self.start()


def _option(controller: str) -> str:
    return "none,name=systemd" if controller == "systemd" else controller


def _loop_devices() -> list[str]:
    """Those that a guest may use: it sees only what was there when it was started."""
    with Path("/dev/loop-control").open("rb") as control:
        for number in _LOOP_DEVICES:
            try:
                fcntl.ioctl(control, _LOOP_CTL_ADD, number)
            except OSError as error:
                if error.errno != errno.EEXIST:
                    raise
    return ["/dev/loop-control", *(f"/dev/loop{number}" for number in _LOOP_DEVICES)]


@contextmanager
def plain_host(network: Network, name: str, layers: tuple[Path, ...] | None = None) -> Iterator[PlainHost]:
    """A running host, by default with the packages that instances need; powered off afterwards."""
    with _powered(PlainHost(network, name, roots.furnished() if layers is None else layers)) as host:
        yield host


@contextmanager
def systemd_host(network: Network, name: str, layers: tuple[Path, ...] | None = None) -> Iterator[SystemdHost]:
    """A running host, by default with nothing of ours in it; powered off afterwards."""
    with _powered(SystemdHost(network, name, (roots.bare(),) if layers is None else layers)) as host:
        yield host


@contextmanager
def _powered(host: H) -> Iterator[H]:
    try:
        host.start()
        yield host
    finally:
        host.power_off()


def missing() -> str:
    """Why this machine can have no test hosts; empty when it can."""
    if os.geteuid() != 0:
        return "test hosts need root"
    absent = [program for program in ("mmdebstrap", "systemd-nspawn", "ssh", "rsync") if not _found(program)]
    return f"test hosts need {', '.join(absent)}: bin/_packages test" if absent else ""


def _found(program: str) -> bool:
    return any((Path(place) / program).exists() for place in os.environ["PATH"].split(":"))
