"""Makes what the entry points run in, from a checkout alone: ``environments.py run | test | bench``.

::

    .venv           the control plane and the command line client, from hashed requirements and our wheels;
                    ``test`` adds what checks and tests need
    .venvs/guest    ``test``: the agent alone, from its wheels, with pytest; no control plane
    .venvs/keystone ``test``: an OpenStack Keystone, which tests start; nothing of ours
    .venvs/bench    ``bench``, which makes all of ``test`` too: what draws plots, and nothing of ours
    build/wheels    our three distributions
    .venv/share/trove/agent   the agent release that instances are placed with

Everything carries a stamp of what it was made from and is left alone while that holds, so nothing is fetched then.
Standard library alone: this runs before anything is installed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGING = CHECKOUT / "packaging"
WHEELS = CHECKOUT / "build" / "wheels"
RELEASE = Path("share", "trove", "agent")
LOCKED = PACKAGING / "requirements-guest.txt"
"""Part of the distribution ``trove``, which builds the agent's releases by it."""
DISTRIBUTIONS = {"common": "trove_common", "troveguest": "troveguest", "trove": "trove"}


class Failed(Exception):
    """Something could not be made; the text says what and how to go on."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment of /usr/bin/python3: layers of hashed requirements, and our own distributions on top."""

    path: Path
    layers: tuple[tuple[str, ...], ...]
    own: tuple[str, ...]

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    def ensure_libraries(self) -> None:
        """Adds the missing layers; makes all of it anew when the lowest one is not what it should be."""
        for position, layer in enumerate(self.layers):
            files = [PACKAGING / f"{name}.txt" for name in layer]
            wanted = digest(files, sys.version, str(self.path))
            stamp = self.path / f".layer-{position}"
            if read(stamp) == wanted:
                continue
            if position == 0:
                self._make()
            say(f"Installing Python packages into {shown(self.path)} ({', '.join(layer)}) …")
            self._pip("--no-deps", "--require-hashes", *(word for file in files for word in ("-r", str(file))))
            stamp.write_text(wanted)

    def ensure_own(self, sources: str) -> None:
        """Installs our own distributions when their sources are others than those installed."""
        stamp = self.path / ".own"
        if read(stamp) == sources:
            return
        stamp.unlink(missing_ok=True)
        self._pip("--no-deps", "--no-index", "--force-reinstall", *(str(wheel(name)) for name in self.own))
        stamp.write_text(sources)

    def _make(self) -> None:
        if self.path.exists():
            shutil.rmtree(self.path)
        venv.create(self.path, with_pip=True, symlinks=True)

    def _pip(self, *arguments: str) -> None:
        run("Python packages could not be installed. They come from a package index: is there a network?",
            self.python, "-I", "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *arguments)


CONTROL = Environment(
    CHECKOUT / ".venv", own=("common", "trove"),
    layers=(("requirements", "requirements-client", "requirements-build"), ("requirements-test", "requirements-check")))
GUEST = Environment(
    CHECKOUT / ".venvs" / "guest", own=("common", "troveguest"), layers=(("requirements-guest", "requirements-test"),))
KEYSTONE = Environment(CHECKOUT / ".venvs" / "keystone", own=(), layers=(("requirements-keystone",),))
BENCH = Environment(CHECKOUT / ".venvs" / "bench", own=(), layers=(("requirements-bench",),))


def ensure_wheels(builder: Path) -> str:
    """Builds our distributions when a source changed; answers the digest of the sources."""
    sources = digest(source_files())
    if read(WHEELS / ".sources") == sources:
        return sources
    if WHEELS.exists():
        shutil.rmtree(WHEELS)
    for name in DISTRIBUTIONS:
        run(f"The distribution {name} could not be built.", builder, "-I", "-m", "hatchling", "build",
            "-t", "wheel", "-d", str(WHEELS), cwd=PACKAGING / name)
    (WHEELS / ".sources").write_text(sources)
    return sources


def wheel(name: str) -> Path:
    """The built wheel of one of our distributions."""
    return next(WHEELS.glob(f"{DISTRIBUTIONS[name]}-*.whl"))


def ensure_release(builder: Environment, sources: str) -> None:
    """Builds the agent release when the agent's sources or its libraries changed."""
    wanted = digest([], sources, sys.version)
    target = builder.path / RELEASE
    stamp = target.with_name(".agent")
    if read(stamp) == wanted:
        return
    say("Building the agent release …")
    run("The agent release could not be built.", builder.path / "bin" / "trovectl", "agent", "build",
        "--source", CHECKOUT, "--output", target)
    stamp.write_text(wanted)


def source_files() -> list[Path]:
    """Every file that ends up in one of our distributions, and their descriptions."""
    found = [file for name in DISTRIBUTIONS for file in (CHECKOUT / name).rglob("*")
             if file.is_file() and "__pycache__" not in file.parts]
    return [*sorted(found), LOCKED, *(PACKAGING / name / "pyproject.toml" for name in DISTRIBUTIONS)]


def digest(files: Iterable[Path], *words: str) -> str:
    """SHA-256 over names and contents of ``files`` and over ``words``."""
    whole = hashlib.sha256("\0".join(words).encode())
    for file in files:
        content = file.read_bytes()
        whole.update(f"\0{file.relative_to(CHECKOUT)}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def run(complaint: str, *command: str | Path, cwd: Path = CHECKOUT) -> None:
    """Runs one command quietly. Raises Failed with ``complaint`` and the command's last words."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{complaint}\n{done.stdout[-2000:].strip()}")


def say(sentence: str) -> None:
    print(sentence, flush=True)


def shown(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


@contextmanager
def alone() -> Iterator[None]:
    """Holds off a second run of this in the same checkout."""
    (CHECKOUT / "build").mkdir(exist_ok=True)
    with (CHECKOUT / "build" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(what: str) -> None:
    """``run``, ``test`` or ``bench``; everything that this needs stands afterwards. Raises Failed."""
    wanted = Environment(CONTROL.path, CONTROL.layers[:1], CONTROL.own) if what == "run" else CONTROL
    others = {"run": (), "test": (GUEST, KEYSTONE), "bench": (GUEST, KEYSTONE, BENCH)}[what]
    with ThreadPoolExecutor() as together:
        beside = [together.submit(environment.ensure_libraries) for environment in others]
        wanted.ensure_libraries()
        sources = ensure_wheels(wanted.python)
        wanted.ensure_own(sources)
        ensure_release(wanted, sources)
        for each in beside:
            each.result()
    if what != "run":
        GUEST.ensure_own(sources)


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in ("run", "test", "bench"):
        print("usage: environments.py run | test | bench", file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 - this is where an older one is told of
        print(f"Trove needs Python 3.11 or later; {sys.executable} is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    os.umask(0o022)
    try:
        with alone():
            prepare(sys.argv[1])
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
