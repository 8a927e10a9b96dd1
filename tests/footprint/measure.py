"""What one agent costs the machine that it runs on: ``bin/footprint``.

An installation is started, an instance of each engine is asked for, and the agent that the supervisor runs for it is
replaced, five times in a row, by the same release under an interpreter of its own (a copy of Debian's binary, so that
the pages of other Python processes do not flatter it). Measured while idle, with TLS to the broker, after the database
was asked. What it costs to bring MariaDB's to a host, ``delivery`` measures; ``page`` writes what was found down.
"""

import argparse
import json
import os
import pwd
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from common import datastores
from tests import ground
from tests.awaiting import until
from tests.footprint import delivery, page
from tests.hosts import kinds
from tests.installation import Installation, installation
from trove.releases import building, sources

INTERPRETER = Path("/usr/bin/python3.11")
RUNS = 5
SERVES = "The agent serves"
"""The log line that the agent writes once the broker has confirmed its consumer."""

ENGINES = ("mariadb", "postgresql", "redis")
"""Those whose servers the machine has."""


@dataclass(frozen=True)
class Footprint:
    """Medians; memory and sizes in units of 2^20 bytes. ``own_lines`` of Python are in a release for this engine alone;
    ``foreign_modules`` are the control plane's, or another engine's."""

    anon_mb: float
    uss_mb: float
    rss_mb: float
    modules: int
    foreign_modules: int
    exec_to_serving_s: float
    distributions: int
    installed_mb: float
    own_lines: int


@dataclass(frozen=True)
class Run:
    anon: float
    uss: float
    rss: float
    seconds: float
    modules: frozenset[str]


class Subject:
    """The placed agent of one instance, and how to run it by hand in its stead."""

    def __init__(self, installed: Installation, instance: str, interpreter: Path) -> None:
        self.installed, self.instance, self.interpreter = installed, instance, interpreter
        self.home = installed.home(instance)
        self.release = (self.home / "links" / "current").resolve()
        agent = installed.service_pid(instance, "agent")
        words = Path(f"/proc/{agent}/cmdline").read_bytes().split(b"\0")[:-1]
        starter = words.index(os.fsencode(self.home / "services" / "starter.py"))
        self.arguments = [*map(os.fsdecode, words[starter:]), "--config-file", str(_brisk(interpreter.parent))]
        environment = Path(f"/proc/{agent}/environ").read_text().split("\0")[:-1]
        self.environment = dict(line.split("=", 1) for line in environment)
        self.account = os.stat(f"/proc/{agent}")

    @contextmanager
    def stood_down(self) -> Iterator[None]:
        """The supervised agent is down inside; it is up again afterwards."""
        service = str(self.home / "services" / "agent")
        subprocess.run(["sv", "-w", "20", "down", service], check=True, capture_output=True)
        try:
            yield
        finally:
            subprocess.run(["sv", "up", service], check=True, capture_output=True)

    def measure(self, *, modules: bool = False) -> Run:
        """One life of the agent: exec, serving, connected to its database, idle for two heartbeats, measured, ended."""
        flags = ["-X", "importtime"] if modules else []
        command = [str(self.interpreter), "-I", "-S", *flags, *self.arguments]
        with tempfile.TemporaryFile() as trace:
            started = time.monotonic()
            agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=trace if modules else subprocess.STDOUT,
                                     env=self.environment, cwd="/", **self._identity())
            try:
                seconds = self._await_serving(agent, trace if modules else None) - started
                self._await_idle()
                memory = _memory(agent.pid)
            finally:
                agent.terminate()
                agent.wait(20)
            trace.seek(0)
            return Run(*memory, seconds, _imported(trace.read().decode(errors="replace")))

    def _identity(self) -> dict[str, object]:
        if os.geteuid() != 0:
            return {}
        return {"user": self.account.st_uid, "group": self.account.st_gid,
                "extra_groups": os.getgrouplist(_name(self.account.st_uid), self.account.st_gid)}

    def _await_serving(self, agent: subprocess.Popen[bytes], trace: object) -> float:
        if trace is not None:
            until(self._listed, 60, "the agent answers")
            return time.monotonic()
        assert agent.stdout is not None
        for line in agent.stdout:
            if SERVES.encode() in line:
                return time.monotonic()
        raise AssertionError("the agent ended before it served")

    def _listed(self) -> bool:
        return self.installed.request("GET", f"/instances/{self.instance}/users")[0] == 200

    def _await_idle(self) -> None:
        """Two calls and two heartbeats later everything is loaded that an idle agent loads."""
        until(self._listed, 60, "the agent answers")
        for _ in range(2):
            seen = self._heard_at()
            until(lambda seen=seen: self._heard_at() != seen, 90, "the next heartbeat", every=0.5)

    def _heard_at(self) -> str:
        shown = self.installed.show(self.instance)
        assert shown is not None
        return str(shown["service_status_updated"])


def _brisk(directory: Path) -> Path:
    """Heartbeats every second instead of every thirty: an idle agent does the same, we wait less."""
    file = directory / "brisk.conf"
    file.write_text("[DEFAULT]\nreport_interval = 1\n")
    file.chmod(0o644)
    return file


def _name(uid: int) -> str:
    return pwd.getpwuid(uid).pw_name


def _memory(pid: int) -> tuple[float, float, float]:
    rows = dict(re.findall(r"^(\w+):\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE))
    megabytes = {name: int(value) / 1024 for name, value in rows.items()}
    return megabytes["Anonymous"], megabytes["Private_Clean"] + megabytes["Private_Dirty"], megabytes["Rss"]


def _imported(trace: str) -> frozenset[str]:
    return frozenset(re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", trace, re.MULTILINE))


def _size(directory: Path) -> float:
    return sum(path.lstat().st_blocks * 512 for path in directory.rglob("*")) / 2**20


def own_lines(engine: str) -> int:
    """Of Python, ours, in a release for one engine."""
    with tempfile.TemporaryDirectory() as scratch:
        release = Path(scratch) / "release"
        building.assemble(release, sources.checkout(delivery.CHECKOUT), (), replace(delivery.TARGET, engine=engine))
        return sum(len(path.read_text().splitlines()) for path in (release / "lib").rglob("*.py"))


def is_foreign(module: str, engine: str) -> bool:
    """Whether an agent of this engine has no use for the module: it is the control plane's, or another engine's."""
    words = module.split(".")
    return words[0] == "trove" or (words[1:2] == ["datastores"] and words[2:3] != [engine] and
                                   set(words[2:3]) <= set(datastores.ENGINES) and len(words) > 2)


def footprint(installed: Installation, engine: str, runs: int = RUNS) -> Footprint:
    """Measures the agent of a fresh instance of a running installation."""
    instance = installed.create(f"footprint-{engine}", databases=(), engine=engine)
    installed.healthy(instance)
    with ground.directory() as directory:
        interpreter = Path(shutil.copy(INTERPRETER, directory / "python3"))
        subject = Subject(installed, instance, interpreter)
        with subject.stood_down():
            lives = [subject.measure() for _ in range(runs)]
            modules = subject.measure(modules=True).modules
        library = subject.release / "lib"
        distributions = [path for path in library.glob("*.dist-info") if not path.name.startswith("trove")]
        result = Footprint(
            anon_mb=round(statistics.median(life.anon for life in lives), 1),
            uss_mb=round(statistics.median(life.uss for life in lives), 1),
            rss_mb=round(statistics.median(life.rss for life in lives), 1),
            modules=len(modules), foreign_modules=sum(is_foreign(name, engine) for name in modules),
            exec_to_serving_s=round(statistics.median(life.seconds for life in lives), 3),
            distributions=len(distributions), installed_mb=round(_size(subject.release), 1),
            own_lines=own_lines(engine))
    installed.delete(instance)
    installed.gone(instance)
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(prog="bin/footprint", description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments.add_argument("--write", action="store_true", help="write docs/footprint.md")
    arguments.add_argument("--engine", action="append", choices=ENGINES, help="only this one, and no delivery")
    chosen = arguments.parse_args()
    with ground.directory() as directory, installation(directory / "state") as installed:
        found = {engine: asdict(footprint(installed, engine)) for engine in chosen.engine or ENGINES}
    delivered = None
    if not chosen.engine:
        if missing := kinds.missing():
            print(f"What delivery costs is not measured: {missing}", file=sys.stderr)
        else:
            delivered = asdict(delivery.measure())
    if chosen.write:
        page.PAGE.write_text(page.text(found, delivered))
    print(json.dumps(found | {"delivery": delivered}) if chosen.json else page.tables(found, delivered))


if __name__ == "__main__":
    main()
