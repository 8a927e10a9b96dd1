"""What may be said against a locked library is found: its licence, and what OSV's database knows of it."""

import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PINNED = [("calm", "1.0"), ("holey", "2.1")]


@pytest.fixture(scope="module")
def dependencies() -> ModuleType:
    found = importlib.util.spec_from_file_location("dependencies", CHECKOUT / "packaging" / "dependencies.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class Installed(Distribution):
    """A library that says of itself what a test has it say."""

    def __init__(self, **stated: str) -> None:
        self._stated = stated

    @property
    def metadata(self) -> Message:  # type: ignore[override]
        message = Message()
        for name, value in self._stated.items():
            message[name.replace("_", "-")] = value
        return message

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: Any) -> Path:
        return Path(path)


def declared(dependencies: ModuleType, **more: Any) -> Any:
    known = {"licences": {"MIT": "r", "PSF-2.0": "r"}, "only": {"MPL-2.0": {"chosen": "r"}},
             "names": {"MIT License": "MIT"}, "accepted": {}}
    return dependencies.Declared(**(known | more))


@pytest.mark.parametrize(("stated", "allowed"), [
    ({"License_Expression": "MIT"}, True),
    ({"License_Expression": "MIT AND PSF-2.0"}, True),
    ({"License_Expression": "GPL-3.0-only OR MIT"}, True),
    ({"License_Expression": "MIT AND (GPL-3.0-only OR PSF-2.0)"}, True),
    ({"License": "MIT License"}, True),
    ({"Classifier": "License :: OSI Approved :: MIT License"}, True),
    ({"License_Expression": "GPL-3.0-only"}, False),
    ({"License_Expression": "MIT AND GPL-3.0-only"}, False),
    ({"License_Expression": "(MIT OR PSF-2.0) AND GPL-3.0-only"}, False),
    ({"License_Expression": "MIT AND"}, False),
    ({"License_Expression": "MIT WITH something"}, False),
    ({"License_Expression": "MPL-2.0"}, False),
    ({"License": "as you like"}, False),
    ({}, False),
])
def test_a_licence_is_held_against_those_that_are_allowed(dependencies: ModuleType, stated: dict[str, str],
                                                          allowed: bool) -> None:
    problems = list(dependencies.licence_problems([("some", "1")], {"some": Installed(**stated)},
                                                  declared(dependencies)))
    assert (problems == []) == allowed
    assert all("some 1 is under" in problem for problem in problems)


def test_a_copyleft_licence_is_for_the_named_libraries_alone(dependencies: ModuleType) -> None:
    library = Installed(License_Expression="MPL-2.0")
    problems = list(dependencies.licence_problems([("chosen", "1"), ("other", "1")],
                                                  {"chosen": library, "other": library}, declared(dependencies)))
    assert len(problems) == 1 and problems[0].startswith("other 1 is under “MPL-2.0”")


def test_what_is_locked_and_not_installed_is_told(dependencies: ModuleType) -> None:
    assert "locked and not installed" in next(dependencies.licence_problems([("x", "1")], {}, declared(dependencies)))


def test_every_locked_library_of_ours_has_an_allowed_licence(dependencies: ModuleType) -> None:
    assert list(dependencies.all_licence_problems(dependencies.Declared.read())) == []


def test_the_requirement_files_are_read_whole(dependencies: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# made by\nOne.Two_Three==1.2 \\\n    --hash=sha256:aa\nfour==5 ; python_version < '3.12' \\\n")
    assert dependencies.locked([file]) == {("one-two-three", "1.2"), ("four", "5")}


@contextmanager
def database(answer: bytes, status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """A database of vulnerabilities that answers every request so; its address, and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """The test's output is no place for it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        serving.join()


def found(*identifiers: str) -> bytes:
    return json.dumps({"results": [{}, {"vulns": [{"id": each} for each in identifiers]}]}).encode()


def test_a_known_vulnerability_is_told(dependencies: ModuleType) -> None:
    with database(found("PYSEC-1", "GHSA-2")) as (address, asked):
        problems = list(dependencies.vulnerability_problems(
            PINNED, declared(dependencies, accepted={"PYSEC-1": "r"}), address))
    assert problems == ["holey 2.1 is known to be vulnerable: https://osv.dev/vulnerability/GHSA-2"]
    assert asked == [{"queries": [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
                                  for name, version in PINNED]}]


def test_what_is_accepted_and_gone_is_told(dependencies: ModuleType) -> None:
    with database(found()) as (address, _):
        problems = list(dependencies.vulnerability_problems(
            PINNED, declared(dependencies, accepted={"PYSEC-1": "r"}), address))
    assert len(problems) == 1 and problems[0].startswith("PYSEC-1 is accepted")


@pytest.mark.parametrize(("answer", "status"), [
    (b"", 200), (b"[]", 200), (b'{"results": []}', 200), (b'{"results": [1, 2]}', 200), (b"{}", 503)])
def test_an_answer_of_no_use_is_none(dependencies: ModuleType, answer: bytes, status: int) -> None:
    with database(answer, status) as (address, _), pytest.raises(dependencies.Unreachable):
        list(dependencies.vulnerability_problems(PINNED, declared(dependencies), address))


def test_nobody_waits_longer_than_the_patience(dependencies: ModuleType) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent, pytest.raises(dependencies.Unreachable):
        dependencies.asked(PINNED, f"http://127.0.0.1:{silent.server_port}/", 0.2)
