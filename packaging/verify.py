"""What ``bin/test`` does: style, types, import rules, licences and known vulnerabilities of what is locked, and each
suite in the environment it belongs to, a few side by side.

Every test file belongs to exactly one suite. The agent's own suites run on built wheels with no ``trove`` installed.
The first suite is seen as it goes; what the others and the checks say follows when they have ended.
"""

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))  # this runs isolated

from tests import leftovers  # noqa: E402

OUTPUT = CHECKOUT / "build" / "test"
CONTROL_PYTHON = CHECKOUT / ".venv" / "bin" / "python"
GUEST_PYTHON = CHECKOUT / ".venvs" / "guest" / "bin" / "python"
BYTE_CODE = OUTPUT / "bytecode"
"""Of the checkout and of the tests, whose rewriting by pytest takes seconds: kept, and out of the source folders."""
MARKERS = {"--fast": "not server and not slow and not long", "": "not long", "--long": ""}
GUEST_PARTS = {"conformance": ("tests/conformance",), "guest": ("tests/troveguest",)}
CONTROL_PARTS = {"chaos": ("tests/chaos", "tests/hosts"), "e2e": ("tests/e2e",),
                 "measures": ("tests/benchmarks", "tests/footprint"), "hostile": ("tests/hostile", "tests/secrets")}
"""What runs apart from the rest of the folders on the control plane's environment."""
ORDER = ("control", "chaos", "e2e", "conformance", "measures", "guest", "hostile")
"""The longest first, so that the lanes end together."""
LANES = 3
"""Suites side by side: they wait for servers as long as they work, and more would delay each other's deadlines."""
TESTS_ALONE = OUTPUT / "path"
"""On the guest suite's import path in place of the checkout: it reaches ``tests`` and none of our packages."""
SKIPPED = 77
"""The exit code of a check that could not be made."""
OUR_ACCOUNTS = re.compile(r"tr[ea]-[0-9a-f]{12}|trove-test-.*")


@dataclass(frozen=True)
class Suite:
    """Test folders that run together under one interpreter, and the packages whose coverage they measure."""

    name: str
    python: Path
    folders: tuple[str, ...]
    packages: tuple[str, ...]
    options: tuple[str, ...] = ()
    workers: str = "0"
    """Of a fast run: as pytest-xdist takes it."""


def suites(mode: str = "") -> tuple[Suite, ...]:
    """The agent's folders on the wheels, every other folder below ``tests`` on the control plane's environment.

    A fast run is one suite for each interpreter: there is nothing to wait for, and a start costs seconds.
    """
    rest = tuple(sorted({f"tests/{file.relative_to(CHECKOUT / 'tests').parts[0]}"
                         for file in (CHECKOUT / "tests").glob("*/**/test_*.py")}
                        - {folder for parts in (GUEST_PARTS, CONTROL_PARTS) for part in parts.values()
                           for folder in part}))
    control, guest = {"control": rest, **CONTROL_PARTS}, GUEST_PARTS
    if mode == "--fast":
        control, guest = {"control": joined(control)}, {"guest": joined(guest)}
    made = [Suite(name, CONTROL_PYTHON, folders, ("common", "trove"), workers="auto")
            for name, folders in control.items()]
    made += [Suite(name, GUEST_PYTHON, folders, ("common", "troveguest"), ("-o", f"pythonpath={TESTS_ALONE}"))
             for name, folders in guest.items()]
    return tuple(sorted(made, key=lambda suite: ORDER.index(suite.name)))


def joined(parts: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(folder for part in parts.values() for folder in part)


@dataclass(frozen=True)
class Outcome:
    """How one suite ended: pytest's exit code and its counts, and what it ``said`` if nobody has seen it yet."""

    code: int
    passed: int
    failed: int
    skipped: int
    said: str = ""


@dataclass(frozen=True)
class Checked:
    """What the static checks said, and the names of those that failed."""

    said: str
    broken: list[str]


def check() -> Checked:
    bin_directory = CONTROL_PYTHON.parent
    dependencies = (CONTROL_PYTHON, "-I", CHECKOUT / "packaging" / "dependencies.py")
    checks = {
        "ruff": (bin_directory / "ruff", "check", "--quiet", "."),
        "mypy": (bin_directory / "mypy", "--no-error-summary"),
        "import-linter": (bin_directory / "lint-imports", "--no-logo"),
        "licences": (*dependencies, "licences"),
        "known vulnerabilities": (*dependencies, "vulnerabilities"),
    }
    said, broken = [], []
    for name, command in checks.items():
        begun = time.monotonic()
        done = subprocess.run(command, cwd=CHECKOUT, env=environment(), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        word = {0: "ok", SKIPPED: "skipped"}.get(done.returncode, "FAILED")
        said.append(f"{name}: {word} ({time.monotonic() - begun:.1f} s)")
        if word != "ok":
            said.append(done.stdout.strip())
        if word == "FAILED":
            broken.append(name)
    return Checked("\n".join(said), broken)


def run(suite: Suite, mode: str, arguments: list[str], scratch: Path, *, seen: bool) -> Outcome:
    """One pytest run, ``seen`` as it goes or told by its outcome.

    A fast one measures no coverage: it starts no servers, and its modules are spread over processes.
    """
    report = OUTPUT / f"{suite.name}.xml"
    report.unlink(missing_ok=True)
    command = [suite.python, "-P", "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}",
               f"--basetemp={scratch / suite.name}", *suite.options]
    if mode == "--fast":
        command += [f"--numprocesses={suite.workers}", "--dist=loadfile", "--hypothesis-profile=fast"]
    else:
        command += [*(f"--cov={package}" for package in suite.packages), "--cov-report="]
    if MARKERS[mode]:
        command += ["-m", MARKERS[mode]]
    title = f"\n--- {suite.name}: {' '.join(suite.folders)}"
    if seen:
        print(title, flush=True)
    done = subprocess.run([*command, *arguments], cwd=CHECKOUT, check=False, text=True, errors="replace",
                          stdout=None if seen else subprocess.PIPE, stderr=None if seen else subprocess.STDOUT,
                          env=environment(TMPDIR=str(scratch), COVERAGE_FILE=str(OUTPUT / f".coverage.{suite.name}")))
    return Outcome(done.returncode, *counts(report), "" if seen else f"{title}\n{done.stdout}")


def counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed, skipped of a JUnit report; nothing when pytest could not write one."""
    if not report.exists():
        return 0, 0, 0
    total: Counter[str] = Counter()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 - we wrote it
        total.update({key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")})
    failed = total["failures"] + total["errors"]
    return total["tests"] - failed - total["skipped"], failed, total["skipped"]


def coverage() -> None:
    """Prints one line a package: how much of it the suites ran through, counted together."""
    tool = [CONTROL_PYTHON, "-m", "coverage"]
    own = environment(COVERAGE_FILE=str(OUTPUT / ".coverage"))
    files = [str(file) for file in OUTPUT.glob(".coverage.*")]
    print()
    subprocess.run([*tool, "combine", "--quiet", *files], cwd=CHECKOUT, env=own, check=False)
    for package in ("common", "troveguest", "trove"):
        done = subprocess.run([*tool, "report", "--format=total", f"--include={package}/*"], cwd=CHECKOUT, env=own,
                              capture_output=True, text=True, check=False)
        print(f"coverage of {package}: {done.stdout.strip() or 'nothing measured'} %", flush=True)


def environment(**more: str) -> dict[str, str]:
    """The caller's environment without what would make Python or pytest behave otherwise."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST", "COVERAGE", "VIRTUAL_ENV"))}
    return {**kept, "PYTHONPYCACHEPREFIX": str(BYTE_CODE), **more}


def split(arguments: list[str]) -> tuple[str, list[str], list[str]]:
    """``--fast`` or ``--long`` or nothing; the paths of tests; what else pytest is given."""
    mode = next((word for word in arguments if word in ("--fast", "--long")), "")
    rest = [word for word in arguments if word not in ("--fast", "--long")]
    paths = [word for word in rest if not word.startswith("-") and (CHECKOUT / word.split("::")[0]).exists()]
    return mode, paths, [word for word in rest if word not in paths]


def chosen(suite: Suite, paths: list[str]) -> list[str]:
    """The paths that a run of ``suite`` is given: all its folders, or those of ``paths`` that are its own."""
    if not paths:
        return list(suite.folders)
    inside = [path for path in paths
              if any(Path(path.split("::")[0]).is_relative_to(folder) for folder in suite.folders)]
    return inside + [folder for folder in suite.folders for path in paths
                     if path != folder and Path(folder).is_relative_to(path)]


def accounts() -> dict[str, int]:
    """User ids by name."""
    return {entry.pw_name: entry.pw_uid for entry in pwd.getpwall() if OUR_ACCOUNTS.fullmatch(entry.pw_name)}


def owners_of_processes() -> set[int]:
    owners = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError):  # it has ended since
                owners.add(entry.stat().st_uid)
    return owners


def left_behind(accounts_before: dict[str, int], scratch: Path) -> list[str]:
    """What still runs, is mounted or has an account although the tests that made it are over.

    An account under which something runs belongs to another installation: what is ours is found by its directory.
    """
    word = str(scratch)
    alive = owners_of_processes()
    unused = [name for name, uid in accounts().items() if name not in accounts_before and uid not in alive]
    found = {"process": leftovers.processes(word), "mount": leftovers.mounts(word),
             "loop device": leftovers.loop_devices(word), "account": unused}
    return [f"{kind}: {thing}" for kind, things in found.items() for thing in things]


def prepare_output() -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for old in (*OUTPUT.glob(".coverage*"), *OUTPUT.glob("*.xml")):
        old.unlink()
    TESTS_ALONE.mkdir(exist_ok=True)
    link = TESTS_ALONE / "tests"
    link.unlink(missing_ok=True)
    link.symlink_to(CHECKOUT / "tests")


def main() -> int:
    mode, paths, others = split(sys.argv[1:])
    prepare_output()
    accounts_before = accounts()
    scratch = Path(tempfile.mkdtemp(prefix="tt-"))
    scratch.chmod(0o755)  # instances run under accounts of their own
    with ThreadPoolExecutor(1) as beside, ThreadPoolExecutor(LANES) as lanes:
        checking = beside.submit(check) if not paths else None
        own = [(suite, words) for suite in suites(mode) if (words := chosen(suite, paths))]
        running = [lanes.submit(run, suite, mode, [*words, *others], scratch, seen=place == 0)
                   for place, (suite, words) in enumerate(own)]
        outcomes = [each.result() for each in running]
        checked = checking.result() if checking is not None else Checked("", [])
    print(*(outcome.said for outcome in outcomes), checked.said, sep="\n", flush=True)
    if mode != "--fast":
        coverage()
    left = left_behind(accounts_before, scratch)
    if not left:
        shutil.rmtree(scratch)
    return close(checked.broken, outcomes, left)


def close(broken: list[str], outcomes: list[Outcome], left: list[str]) -> int:
    """Prints how it went, the counts on the last line; the exit code."""
    for thing in left:
        print(f"left behind by the tests: {thing}")
    for name in broken:
        print(f"failed: {name}")
    failed = sum(outcome.failed for outcome in outcomes) + len(broken) + len(left)
    # pytest says 5 when a suite has nothing to run in this mode; somebody must have run something
    bad = [outcome.code for outcome in outcomes if outcome.code not in (0, 1, 5)]
    passed, skipped = (sum(getattr(outcome, key) for outcome in outcomes) for key in ("passed", "skipped"))
    failed += len(bad)
    print(f"total: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
