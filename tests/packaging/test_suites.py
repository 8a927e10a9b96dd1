"""``bin/test`` runs every test file exactly once, each in the environment it belongs to."""

import importlib.util
import os
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def verify() -> ModuleType:
    found = importlib.util.spec_from_file_location("verify", CHECKOUT / "packaging" / "verify.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def files_of_tests() -> list[str]:
    return sorted(str(file.relative_to(CHECKOUT)) for file in (CHECKOUT / "tests").rglob("*.py")
                  if file.name.startswith("test_") or file.name.endswith("_test.py"))


@pytest.mark.slow
def test_every_test_file_is_collected_exactly_once(verify: ModuleType) -> None:
    collected: Counter[str] = Counter()
    with ThreadPoolExecutor() as together:
        for files in together.map(lambda suite: files_collected(suite, verify), verify.suites()):
            collected.update(files)
    assert collected == Counter(files_of_tests())


def test_a_fast_run_has_the_same_folders(verify: ModuleType) -> None:
    def folders(mode: str) -> Counter[tuple[Path, str]]:
        return Counter((suite.python, folder) for suite in verify.suites(mode) for folder in suite.folders)

    assert folders("--fast") == folders("") and len(verify.suites("--fast")) == 2


def files_collected(suite: object, verify: ModuleType) -> set[str]:
    """Files of the tests that pytest finds in ``suite``, as ``bin/test`` runs it."""
    done = subprocess.run(
        [suite.python, "-P", "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider", *suite.options,
         *suite.folders], cwd=CHECKOUT, env=verify.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {line.partition("::")[0].partition(":")[0] for line in done.stdout.splitlines()
            if line.startswith("tests/")}


def test_the_guests_suite_cannot_see_the_checkout(verify: ModuleType) -> None:
    guest = next(suite for suite in verify.suites() if suite.name == "guest")
    looked = "import importlib.util as u; print(u.find_spec('trove'), u.find_spec('troveguest').origin)"
    done = subprocess.run([guest.python, "-P", "-c", looked], cwd=CHECKOUT, env=verify.environment(),
                          capture_output=True, text=True, check=True)
    none, origin = done.stdout.split()
    assert none == "None" and Path(origin).is_relative_to(CHECKOUT / ".venvs")
    assert not any((verify.TESTS_ALONE / name).exists() for name in ("common", "trove", "troveguest"))


@pytest.mark.parametrize(("given", "expected"), [
    ([], ("", [], [])),
    (["--fast", "-k", "codec"], ("--fast", [], ["-k", "codec"])),
    (["tests/packaging", "--long", "-x"], ("--long", ["tests/packaging"], ["-x"])),
])
def test_arguments_are_told_apart(verify: ModuleType, given: list[str], expected: tuple[str, list, list]) -> None:
    assert verify.split(given) == expected


def test_a_path_is_run_by_the_suite_that_owns_it(verify: ModuleType) -> None:
    suites = {suite.name: suite for suite in verify.suites()}
    control, guest = suites["control"], suites["guest"]
    assert verify.chosen(suites["e2e"], ["tests/e2e"]) == ["tests/e2e"]
    assert verify.chosen(control, ["tests/e2e"]) == []
    assert verify.chosen(guest, ["tests/troveguest/host"]) == ["tests/troveguest/host"]
    assert verify.chosen(control, ["tests/troveguest/host"]) == []
    assert verify.chosen(guest, ["tests"]) == list(guest.folders)


@pytest.mark.parametrize(("broken", "codes", "left", "expected"), [
    ([], [0, 0], [], 0), ([], [0, 5], [], 0), (["mypy"], [0, 0], [], 1), ([], [0, 1], [], 1),
    ([], [0, 2], [], 1), ([], [0, 0], ["process: 1 x"], 1),
])
def test_the_exit_code_says_whether_all_is_well(verify: ModuleType, broken: list[str], codes: list[int],
                                                left: list[str], expected: int) -> None:
    outcomes = [verify.Outcome(code, passed=3, failed=int(code == 1), skipped=0) for code in codes]
    assert verify.close(broken, outcomes, left) == expected


def test_nothing_run_is_not_success(verify: ModuleType) -> None:
    assert verify.close([], [verify.Outcome(5, 0, 0, 0)], []) == 1


def test_python_variables_of_the_caller_have_no_say(verify: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PYTHONPATH", "/nowhere")
    assert "PYTHONPATH" not in verify.environment()
