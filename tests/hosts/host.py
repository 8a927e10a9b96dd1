"""A machine that a test reaches over SSH, made of namespaces; its kind says what boots in it.

The front door is `ssh()`, an unprivileged login with sudo; `run()` is the back door, by which tests look and meddle
while the network is cut.
"""

import shlex
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import leftovers
from tests.awaiting import until
from tests.hosts import claims
from tests.hosts.network import Network

LOGIN = "deploy"
_ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root",
                "DEBIAN_FRONTEND=noninteractive")
CONTROLLERS = ("blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids", "systemd", "unified")


class Host:
    """One machine, running. ``login`` is the account, ``key`` the file with the private key that it admits."""

    login = LOGIN

    def __init__(self, network: Network, name: str, layers: tuple[Path, ...]) -> None:
        self.network, self.name, self._layers = network, name, layers
        self._leg = network.join(name)
        self.address, self.namespace = self._leg.address, self._leg.namespace
        self.directory = network.directory / name
        self.key = self.directory / "key"
        self._launcher: subprocess.Popen[bytes] | None = None
        self._prepare()

    # power and network

    def start(self) -> None:
        """Boots; returns when sshd answers."""
        self._boot()
        self._await_ssh()

    def power_off(self) -> None:
        """Everything on it dies in the same moment, and what was not written to its disk is lost."""
        claims.end_processes(self.namespace)
        if self._launcher is not None:
            self.wait()
        for controller in CONTROLLERS:
            claims.remove_group(claims.CGROUPS / controller / self.namespace)

    def wait(self) -> int:
        """Until the machine is down; the exit code of what it was started with."""
        assert self._launcher is not None
        return self._launcher.wait(60)

    def reboot(self) -> None:
        self.power_off()
        self.start()

    def cut(self) -> None:
        self.network.cut(self._leg)

    def heal(self) -> None:
        self.network.heal(self._leg)

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Its network is cut inside."""
        self.cut()
        try:
            yield
        finally:
            self.heal()

    # doors

    def run(self, *command: str, check: bool = True, timeout: float = 120, stdin: str = "") -> str:
        """As root, from beneath: works while the network is cut. What it prints."""
        inside = ["nsenter", f"--target={self.init}", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup",
                  "--root", "--wd", "env", "-i", *_ENVIRONMENT, *command]
        return _output(inside, check, timeout, stdin)

    def ssh(self, *command: str, check: bool = True, timeout: float = 120, stdin: str = "") -> str:
        """As the unprivileged login, over the network. What it prints."""
        known = self.directory / "known_hosts"
        known.write_text(f"{self.address} {self.host_key}\n")
        return _output(["ssh", "-F", "none", "-i", str(self.key), "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
                        "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes",
                        f"{self.login}@{self.address}", shlex.join(command)], check, timeout, stdin)

    def admit(self, public_key: str) -> None:
        """Lets whoever has the key in as ``login``."""
        self.run("tee", "-a", self._admitted, stdin=public_key.strip() + "\n")

    @property
    def _admitted(self) -> str:
        return f"/home/{self.login}/.ssh/authorized_keys"

    @property
    def host_key(self) -> str:
        """Type and key, as in a known_hosts file."""
        return " ".join((self.directory / "host_key.pub").read_text().split()[:2])

    # looking

    @property
    def init(self) -> int:
        """The process that is number 1 on the machine, by its number here."""
        for pid in claims.ip("netns", "pids", self.namespace).split():
            with suppress(FileNotFoundError):
                status = Path(f"/proc/{pid}/status").read_text()
                numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
                if len(numbers) > 1 and numbers[-1] == "1":
                    return int(pid)
        raise AssertionError(f"{self.name} does not run")

    def find(self, word: str, *tops: str) -> list[str]:
        """Paths below ``tops`` (else anywhere on its disk) whose name has ``word`` in it, kernel's files apart."""
        return self.run("find", *(tops or ("/",)), "-xdev", "-path", "/proc", "-prune", "-o",
                        "-name", f"*{word}*", "-print").splitlines()

    def processes(self, word: str) -> list[str]:
        """``PID COMMAND`` of what runs there with ``word`` in its command line."""
        lines = self.run("ps", "-e", "-o", "pid=,args=", "--width", "1000").splitlines()
        return [line.strip() for line in lines if word in line and "ps -e" not in line]

    def left_of(self, instance: str) -> dict[str, list[str]]:
        """What is there of an instance, by kind; empty when nothing is left."""
        digits = instance.replace("-", "")[:12]
        found = {
            "processes": self.processes(instance), "files": self.find(instance),
            "mounts": [line for line in self.run("cat", "/proc/self/mountinfo").splitlines() if instance in line],
            "accounts": [line for line in self.run("cat", "/etc/passwd").splitlines() if digits in line],
            "groups": self.find(instance, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/pids"),
            "units": [line for line in self.find(instance, "/run", "/etc") if line.endswith(".service")],
            "loop devices": leftovers.loop_devices(instance),
        }
        return {kind: things for kind, things in found.items() if things}

    # making

    def _prepare(self) -> None:
        """What the machine has of its own on its disk before it boots for the first time."""
        for part in ("upper/etc/ssh", "upper/etc/sudoers.d", "work", "root"):
            (self.directory / part).mkdir(parents=True)
        upper = self.directory / "upper"
        for key, path in (("key", self.key), ("host_key", self.directory / "host_key")):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", str(path)], check=True)
        for suffix, mode in (("", 0o600), (".pub", 0o644)):
            file = upper / f"etc/ssh/ssh_host_ed25519_key{suffix}"
            file.write_text((self.directory / f"host_key{suffix}").read_text())
            file.chmod(mode)
        (upper / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
        (upper / "etc/hostname").write_text(f"{self.name}\n")
        (upper / "etc/hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        sudoers = upper / f"etc/sudoers.d/{self.login}"
        sudoers.write_text(f"{self.login} ALL=(ALL) NOPASSWD: ALL\n")
        sudoers.chmod(0o440)
        self._in_root(f"useradd --create-home --shell /bin/bash {self.login}",
                      f"install -d -m 700 -o {self.login} -g {self.login} /home/{self.login}/.ssh",
                      f"cat >{self._admitted}", f"chown {self.login} {self._admitted}",
                      stdin=self.key.with_name("key.pub").read_text())

    def _in_root(self, *commands: str, stdin: str = "") -> None:
        inner = shlex.quote(" && ".join(commands))
        script = f"{claims.LET_GO}{self._mount()} && exec chroot {self.directory}/root sh -c {inner}"
        _output(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], True, 60, stdin)

    def _mount(self) -> str:
        """The command that puts the machine's disk at ``root``: its own layer over those that it shares."""
        at = self.directory
        lower = ":".join(str(layer) for layer in self._layers)
        return f"mount -t overlay overlay -o lowerdir={lower},upperdir={at}/upper,workdir={at}/work {at}/root"

    def _boot(self) -> None:
        """Starts the machine in control groups and a mount namespace of its own; its console goes to a file."""
        join = "".join(
            f"if [ -d {claims.CGROUPS}/{each} ]; then mkdir -p {claims.CGROUPS}/{each}/{self.namespace};"
            f" {self._fill(each)} echo $$ > {claims.CGROUPS}/{each}/{self.namespace}/cgroup.procs; fi\n"
            for each in CONTROLLERS)
        script = f"{claims.LET_GO}set -e\n{self._mount()}\n{join}exec {self.command()}\n"
        with (self.directory / "console").open("ab") as console:
            self._launcher = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", script], stdin=subprocess.DEVNULL,
                stdout=console, stderr=console, start_new_session=True, cwd="/")

    def _fill(self, controller: str) -> str:
        """A group of the cpuset controller takes no process before it has been given processors."""
        if controller != "cpuset":
            return ""
        at = claims.CGROUPS / "cpuset"
        return "".join(f" cat {at}/cpuset.{what} > {at}/{self.namespace}/cpuset.{what};"
                       for what in ("cpus", "mems"))

    def command(self) -> str:
        """What the kind boots the mounted root with."""
        raise NotImplementedError

    def _await_ssh(self) -> None:
        until(self._answers, 60, f"sshd of {self.name} answers (look at {self.directory}/console)", every=0.05)

    def _answers(self) -> bool:
        assert self._launcher is not None
        assert self._launcher.poll() is None, (self.directory / "console").read_text(errors="replace")[-3000:]
        try:
            with socket.create_connection((self.address, 22), timeout=2) as probe:
                return probe.recv(4) == b"SSH-"
        except OSError:
            return False


def _output(command: list[str], check: bool, timeout: float, stdin: str) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    said = f"{shlex.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    assert not check or done.returncode == 0, said
    return done.stdout
