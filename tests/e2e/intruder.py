"""What a program reaches that runs under a database server's account: ``intruder.py TARGETS``.

Standard library alone; the server's own account runs it. TARGETS is a JSON file as ``test_superusers.py`` writes it.
The answer is one JSON object: for each way in, what it led to. Nothing that is reached is harmed.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
PR_SET_DUMPABLE = 4
_SECRETS_OF_PROCESSES = ("environ", "mem", "maps", "io", "stack", "auxv")


def readable(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if os.access(path, os.R_OK)]


def writable(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if os.access(path, os.W_OK)]


def connected(paths: Iterable[str]) -> list[str]:
    """Unix sockets that somebody lets us in at."""
    found = []
    for path in paths:
        with socket.socket(socket.AF_UNIX) as line, suppress(OSError):
            line.settimeout(2)
            line.connect(path)
            found.append(path)
    return found


def foreign_processes() -> list[int]:
    own, found = os.geteuid(), []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid != own:
                found.append(int(entry.name))
    return found


def inside_processes(pids: Iterable[int]) -> list[str]:
    """Of what is other people's: memory, environment, files."""
    found = []
    for pid in pids:
        for name in _SECRETS_OF_PROCESSES:
            with suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as file:
                if file.read(1):
                    found.append(f"{pid} {name}")
        for name in ("cwd", "root", "exe"):
            with suppress(OSError):
                found.append(f"{pid} {name} {os.readlink(f'/proc/{pid}/{name}')}")
        with suppress(OSError):
            found += [f"{pid} fd {each}" for each in os.listdir(f"/proc/{pid}/fd")]
    return found


def signalled(pids: Iterable[int]) -> list[int]:
    found = []
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, 0)
            found.append(pid)
    return found


def traced(pids: Iterable[int]) -> list[int]:
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    for pid in pids:
        if libc.ptrace(PTRACE_SEIZE, pid, 0, 0) == 0:
            found.append(pid)
            libc.ptrace(PTRACE_DETACH, pid, 0, 0)
    return found


def overheard(secrets: Iterable[str]) -> list[str]:
    """Secrets that stand in somebody's command line."""
    lines = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                lines.append((entry / "cmdline").read_bytes().decode(errors="replace"))
    return [line for line in lines if any(secret in line for secret in secrets)]


def risen(_: Any) -> list[str]:
    """Ways to be somebody else, or more."""
    ways: dict[str, Callable[[], object]] = {
        "setuid": lambda: os.setuid(0), "setgid": lambda: os.setgid(0), "setgroups": lambda: os.setgroups([0]),
        "chroot": lambda: os.chroot("/"), "nice": lambda: os.nice(-5),
        "mount": _mount,
        "su": lambda: subprocess.run(["/usr/bin/su", "-c", "true"], check=True, stdin=subprocess.DEVNULL,
                                     capture_output=True, timeout=20),
        "sudo": lambda: subprocess.run(["sudo", "-n", "true"], check=True, capture_output=True, timeout=20),
    }
    found = []
    for name, way in ways.items():
        with suppress(OSError, subprocess.SubprocessError):
            way()
            found.append(name)
    rows = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    found += [f"{name} {rows[name]}" for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(rows[name], 16)]
    return found + ([] if rows["NoNewPrivs"] == "1" else ["programs with the set-user-id bit"])


def _mount() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    libc.umount(b"/tmp")


def left_groups(groups: Iterable[str]) -> list[str]:
    """Control groups that took us in, or let themselves be changed."""
    found = []
    for path in groups:
        with suppress(OSError), open(path, "w") as file:
            file.write(str(os.getpid()) if path.endswith("cgroup.procs") else "-1")
            file.flush()
            found.append(path)
    return found


def dumped(directory: str) -> list[str]:
    """Core files that a process of ours leaves behind."""
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        os.chdir(directory)
        os.kill(os.getpid(), signal.SIGQUIT)
    _, status = os.waitpid(child, 0)
    return ["core"] if os.WCOREDUMP(status) else []


def asked(requests: Iterable[tuple[str, int, str]]) -> list[str]:
    """First lines of answers, each to a host, a port and the text that is sent there."""
    found = []
    for host, port, text in requests:
        with suppress(OSError), socket.create_connection((host, port), timeout=10) as line:
            line.sendall(text.encode())
            said = line.recv(4096).decode(errors="replace").splitlines()
            found.append(f"{said[0] if said else ''} to {text.splitlines()[0]}")
    return found


WAYS: dict[str, Callable[[Any], list[Any]]] = {
    "readable": readable, "writable": writable, "connected": connected, "signalled": signalled, "traced": traced,
    "inside": inside_processes, "overheard": overheard, "risen": risen, "left_groups": left_groups, "dumped": dumped,
    "asked": asked,
}


def main(targets: str) -> None:
    told = json.loads(Path(targets).read_bytes())
    pids = foreign_processes()
    told |= dict.fromkeys(("signalled", "traced", "inside"), pids) | {"risen": None}
    found = {name: way(told[name]) for name, way in WAYS.items()}
    print(json.dumps(found | {"uid": os.geteuid(), "others": len(pids)}))


if __name__ == "__main__":
    main(sys.argv[1])
