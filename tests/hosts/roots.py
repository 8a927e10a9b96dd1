"""Root file systems of test hosts: Debian made from its packages, once a machine, kept outside the checkout.

`bare()` has what a freshly installed server has: systemd, sshd, sudo, python3, rsync; and the packages that an
instance needs lie downloaded in its apt cache, so that ``apt-get install`` works there without a network.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

CACHE = Path("/var/cache/trove-test-hosts")
SUITE = "bookworm"
PACKAGES = ("runit", "xfsprogs", "mariadb-server-core", "mariadb-client-core")
"""What an instance needs of its host beyond `bare()`."""
_INCLUDED = ("systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "sudo", "python3", "rsync",
             "iproute2", "ca-certificates", "procps", "util-linux", "mount", "passwd")
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive"}
_UNITS = {
    "controllers.service": """[Unit]
Description=Lets the guest make control groups of every controller
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for at in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$$at"; done'
[Install]
WantedBy=sysinit.target
""",
}
"""systemd-nspawn mounts them read-only, which no ordinary machine does."""


def bare() -> Path:
    return _made("bare", _make_bare)


def furnished() -> tuple[Path, ...]:
    """Layers, upmost first: `bare()` with ``PACKAGES`` installed."""
    base = bare()
    return _made("furnished", lambda at: _install(base, at)), base


def _made(name: str, make: Callable[[Path], None]) -> Path:
    """The directory of that name for this recipe, made by one process while the others wait."""
    recipe = hashlib.sha256(repr((SUITE, PACKAGES, _INCLUDED, _UNITS, _BARE)).encode()).hexdigest()[:12]
    root = CACHE / f"{name}-{recipe}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            for old in CACHE.glob(f"{name}-*"):
                shutil.rmtree(old)
            unfinished = CACHE / f"{name}-unfinished"
            make(unfinished)
            unfinished.rename(root)
    return root


_BARE = (
    "--mode=root", "--variant=minbase", "--format=directory", "--quiet", f"--include={','.join(_INCLUDED)}",
    '--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--skip=cleanup/apt/lists", "--skip=cleanup/apt/cache",
    '--customize-hook=export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"; apt-get clean;'
    f' apt-get --quiet --quiet --yes --download-only install {" ".join(PACKAGES)}',
    '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*; chmod 755 "$1"',
)


def _make_bare(at: Path) -> None:
    _run("mmdebstrap", *_BARE, SUITE, str(at))
    for name, text in _UNITS.items():
        (at / "etc/systemd/system" / name).write_text(text)
        wanted = at / "etc/systemd/system/sysinit.target.wants"
        wanted.mkdir(exist_ok=True)
        (wanted / name).symlink_to(f"/etc/systemd/system/{name}")


def _install(base: Path, at: Path) -> None:
    """Installs the packages in a layer over ``base``; ``at`` becomes that layer."""
    work, root = at.with_name(f"{at.name}.work"), at.with_name(f"{at.name}.root")
    for directory in (at, work, root):
        directory.mkdir()
    script = f"""set -e
mount -t overlay overlay -o lowerdir={base},upperdir={at},workdir={work} {root}
mount -t proc proc {root}/proc
chroot {root} apt-get --quiet --quiet --yes install {' '.join(PACKAGES)}
"""
    _run("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    shutil.rmtree(work)
    os.rmdir(root)


def _run(*command: str) -> None:
    """As this machine's apt is configured, by files or by the environment."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env=os.environ | _ENVIRONMENT)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
