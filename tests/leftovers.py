"""What an instance may leave behind on a machine, looked for from outside."""

import os
import pwd
from pathlib import Path


def processes(*words: str) -> list[str]:
    """Command lines of the living processes that name one of ``words`` in command line or working directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (line := _command_line(entry)) and any(word in line for word in words):
            found.append(f"{entry.name} {line}")
    return found


def mounts(word: str) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if word in line]


def loop_devices(word: str) -> list[str]:
    backing = Path("/sys/block").glob("loop*/loop/backing_file")
    return [text for path in backing if word in (text := _text(path))]


def accounts(instance: str) -> list[str]:
    """Operating system users made for the instance: their names carry the first 12 hex digits of its id."""
    digits = instance.replace("-", "")[:12]
    return [entry.pw_name for entry in pwd.getpwall() if digits in entry.pw_name]


def files(directory: Path, word: str) -> list[str]:
    """What vanishes while we look is none: ``os.walk`` passes over it, where ``rglob`` would fail."""
    return [os.path.join(top, name) for top, directories, names in os.walk(directory)
            for name in (*directories, *names) if word in name]


def cgroups(word: str) -> list[str]:
    return [os.path.join(top, name) for top, directories, _ in os.walk("/sys/fs/cgroup")
            for name in directories if word in name]


def listeners(address: str) -> list[str]:
    """Lines of the kernel's table of listening TCP sockets at an IPv4 address."""
    packed = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return [line for line in lines if line.split()[1].startswith(packed + ":") and line.split()[3] == "0A"]


def deleted_but_open(word: str) -> list[str]:
    """"PID PATH" of files that name ``word``, are deleted, and take room because a process holds them open."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(link)
        except OSError:  # it was closed, or its process ended, while we looked
            continue
        if word in target and target.endswith(" (deleted)"):
            found.append(f"{link.parts[2]} {target}")
    return found


def of_instance(state: Path, instance: str, address: str) -> dict[str, list[str]]:
    """Everything found, by kind; empty when nothing is left."""
    found = {
        "processes": processes(instance), "mounts": mounts(instance), "loop devices": loop_devices(instance),
        "accounts": accounts(instance), "files": files(state, instance), "cgroups": cgroups(instance),
        "listeners": listeners(address),
    }
    return {kind: things for kind, things in found.items() if things}


def _command_line(entry: Path) -> str:
    try:
        words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return f"{words} (in {(entry / 'cwd').readlink()})"
    except OSError:  # it ended while we looked
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the device was let go while we looked
        return ""
