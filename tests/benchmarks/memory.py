"""The idle control plane's memory after a first creation, against a Python that has only imported its libraries."""

import re
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.comparison import Result, Scale
from tests.benchmarks.machinery import Machinery

PAUSE = 1.0
"""Seconds between two looks: an idle control plane has work of its own, now and then."""

LIBRARIES = ("alembic.command", "amqp", "cheroot.wsgi", "dbos", "falcon", "msgspec", "nacl.bindings", "oslo_config.cfg",
             "prometheus_client", "sqlalchemy", "sqlite3")


def of_control_plane(machinery: Machinery, scale: Scale) -> Result:
    """RSS in units of 2^20 bytes."""
    installed = machinery.installation
    instance = installed.create("memory")
    installed.healthy(instance)
    looks = []
    for _ in range(scale.rounds):
        time.sleep(PAUSE)
        looks.append((_of_process(installed.pid), _of_libraries()))
    installed.delete(instance)
    installed.gone(instance)
    own = [of_process for of_process, _ in looks]
    return Result(tuple(rss for rss, _ in own), tuple(rss for _, (rss, _) in looks),
                  {"USS MB": sorted(uss for _, uss in own)[len(own) // 2]})


def _of_process(pid: int) -> tuple[float, float]:
    """RSS and USS."""
    return _read(Path(f"/proc/{pid}/smaps_rollup").read_text())


def _of_libraries() -> tuple[float, float]:
    """The same of a Python that prints its own."""
    code = f"import {', '.join(LIBRARIES)}; print(open('/proc/self/smaps_rollup').read())"
    done = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)
    return _read(done.stdout)


def _read(text: str) -> tuple[float, float]:
    rows = {name: int(size) / 1024 for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    return rows["Rss"], rows["Private_Clean"] + rows["Private_Dirty"]
