"""The supervisor of an instance and its three services: agent, database server, jobs."""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from common.errors import HostFailed

from ..host import files, launcher, processes, runner, starter
from ..host.base import ProcessId
from ..host.layout import AGENT, DATABASE, JOB, LOGGED, SERVICES, Layout
from ..host.supervision import Supervised
from . import commands, limits, scripts
from .configuration import SECRETS
from .limits import Limits
from .users import Accounts

_PATIENCE = 10.0
_LOOK_AGAIN = 0.01
_LONG_AGO = 1
"""runsvdir waits for a second before it believes in a directory that was changed just now."""
_TICK = 0.02
"""Seconds by which the kernel may tell a start too early."""


def write(layout: Layout, accounts: Accounts, confines: Limits, *, durable: bool) -> None:
    """Writes the run directories. What runs is not touched by that."""
    for name in SERVICES:
        files.ensure_directory(layout.service(name), 0o755)
    for name in (DATABASE, JOB):  # down until the agent says otherwise, to their control pipes
        supervise, commander = layout.supervise(name), accounts.agent.gid
        files.ensure_directory(supervise, 0o750, (-1, commander))
        for pipe, mode in (("control", 0o620), ("ok", 0o600)):
            ensure_pipe(supervise / pipe, mode, (-1, commander))
        files.write_if_changed(layout.service(name) / "down", "", mode=0o644, durable=durable)
    for name in LOGGED:
        files.ensure_directory(layout.service(name) / "log", 0o755)
    programs = {
        scripts.launcher(layout): Path(launcher.__file__).read_text(),
        scripts.runner(layout): Path(runner.__file__).read_text(),
        layout.starter: Path(starter.__file__).read_text(),
        layout.service(AGENT) / "run": scripts.agent(layout, accounts),
        layout.service(DATABASE) / "run": scripts.database(layout, accounts, confines),
        layout.service(JOB) / "run": scripts.job(layout, accounts, confines),
        layout.service(JOB) / "finish": scripts.job_finish(layout, accounts),
        **{layout.service(name) / "log" / "run": scripts.log_keeper(layout, name, accounts) for name in LOGGED},
        layout.services / "supervisor": scripts.supervisor(layout, () if commands.is_systemd() else limits.roots()),
    }
    for path, text in programs.items():
        files.write_if_changed(path, text, mode=0o755, durable=durable)


def start(layout: Layout, *, is_new: bool = False) -> None:
    """Sees to it that the supervisor runs, below nobody, as none does where the place ``is_new``; returns when every
    service has its own. Raises HostFailed."""
    if is_new or supervisor(layout) is None:
        os.utime(layout.services, (_LONG_AGO, _LONG_AGO))
        commands.run(_launching(layout), marks={"TROVE_HOME": str(layout.home)})
    deadline = time.monotonic() + _PATIENCE
    while not all(Supervised(layout.supervise(name)).is_supervised() for name in SERVICES):
        if time.monotonic() > deadline:
            raise HostFailed(f"The supervisor did not take up its services within {_PATIENCE:.0f} s.",
                             f"Look at the processes that have {layout.home} in their command line.")
        time.sleep(_LOOK_AGAIN)  # runsv announces itself by no event


def stop(layout: Layout) -> None:
    """Where systemd sees to it that the supervisor runs, it is to do so no more; nothing else ends by that."""
    if commands.is_systemd():
        commands.run(["systemctl", "stop", _unit(layout)], accept=(0, commands.NOT_LOADED))


def _launching(layout: Layout) -> list[str]:
    """What starts the supervisor below nobody: in a session, or as a unit. Neither's end is a server's."""
    unit, program = _unit(layout), str(layout.services / "supervisor")
    if not commands.is_systemd():
        return ["setsid", "--fork", program]
    if commands.run(["systemctl", "show", "--value", "--property=LoadState", unit]) == "loaded\n":
        return ["systemctl", "restart", unit]
    properties = ("KillMode=process", "OOMPolicy=continue", "Restart=always", "RestartSec=1")
    return ["systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--setenv=TROVE_HOME={layout.home}",
            *(f"--property={each}" for each in properties), program]


def _unit(layout: Layout) -> str:
    return f"trove-{layout.home.name}.service"


def refresh_agent(layout: Layout, moved_at: float) -> None:
    """Starts an agent that somebody took down, and restarts one that is older than what it is started by, or than
    ``moved_at``, when it was given its release by us; one that is to try another release is restarted, too."""
    service = Supervised(layout.supervise(AGENT))
    options = (each for each in layout.config.iterdir() if each.name != SECRETS)
    sources = (layout.service(AGENT) / "run", layout.starter, layout.links / "next", *options)
    newest = max(moved_at, *(source.lstat().st_mtime for source in sources if source.is_symlink() or source.exists()))
    process = service.process()
    if process is None:
        service.tell(b"u")
    elif processes.started_at(process) + _TICK < newest:
        service.tell(b"t")


def supervisor(layout: Layout) -> ProcessId | None:
    """The instance's runsvdir; one of another user is a fake."""
    for pid in processes.all_ids():
        words = processes.command_line(pid)
        if (words and Path(words[0]).name == "runsvdir" and str(layout.services) in words
                and processes.owner(pid) == layout.services.stat().st_uid):
            return processes.identify(pid)
    return None


def ensure_pipe(path: Path, mode: int, owner: files.Owner) -> None:
    """A named pipe in a directory of our own; runsv takes over the one that it finds, with its mode."""
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    if not stat.S_ISFIFO(path.lstat().st_mode):
        raise HostFailed(f"{path} is not a pipe.", "Remove it.")
    os.chown(path, *owner, follow_symlinks=False)
    path.chmod(mode)
