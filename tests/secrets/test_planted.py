"""Secrets are where they are meant to be and nowhere else: not in a log, a store, a command line, an answer or a core.

Each is searched for raw, and as JSON, SQL, addresses, hexadecimal and base64 would have it.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.secrets import answers, memory, places, running
from tests.secrets import scene as scenes
from tests.secrets.needles import search
from tests.secrets.scene import Scene

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="looks into files of other accounts")]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    with {"sqlite": scenes.scene, "postgresql": scenes.scene_on_postgresql}[request.param]() as planted:
        yield planted


def leaks(scene: Scene, *places: Path) -> list[str]:
    """What is found of all secrets, planted or the system's own."""
    return [str(found) for found in search([*scene.planted, *scene.own()], places)]


def test_every_place_of_a_secret_is_closed(scene: Scene) -> None:
    assert places.wrong(scene.state) == []


def test_the_state_directory_has_secrets_in_their_places_alone(scene: Scene) -> None:
    """Logs, stores with what SQLite keeps beside them and in free pages, journals, the broker's files, volumes; of
    PostgreSQL its files, its log and a dump."""
    meant = places.meant(scene.state)
    found = search([*scene.planted, *scene.own()], [scene.state, *scene.elsewhere])
    assert {(each.needle.kind, each.file) for each in found} >= meant, "the search is blind"
    assert [str(each) for each in found if (each.needle.kind, each.file) not in meant] == []


def test_a_support_bundle_has_none(scene: Scene) -> None:
    bundles = [scenes.bundle(scene, instance) for instance in scene.instances.values()]
    assert all(any(bundle.rglob("*.log")) for bundle in bundles)
    assert leaks(scene, *bundles) == []


def test_command_lines_and_environments_have_none(scene: Scene) -> None:
    heard = scene.ground / "heard"
    heard.mkdir()
    for name, texts in scene.listener.heard.items():
        (heard / name).write_bytes(b"\n".join(sorted(texts)))
    assert b"trove-guestagent\0place" in (heard / "cmdline").read_bytes(), "nobody was heard"
    assert leaks(scene, heard) == []


def test_refused_requests_do_not_repeat_them(scene: Scene) -> None:
    told = scene.ground / "refused"
    told.write_text("\n".join(scene.answers))
    assert leaks(scene, told) == []


def test_nobody_is_told_them(scene: Scene) -> None:
    """By REST, from instances to events and metrics, as an administrator; by the broker, its definitions among it."""
    told = scene.ground / "told"
    rest, broker = list(answers.of_rest(scene)), list(answers.of_broker(scene))
    told.write_text("\n\n".join([*rest, *broker]))
    assert len(rest) > 50 and any("password_hash" in each for each in broker), "nothing was told"
    assert sum("HTTP/" not in each and '"message"' not in each for each in rest) > 40, "nothing was answered"
    assert leaks(scene, told) == []


def test_no_process_leaves_a_core(scene: Scene) -> None:
    limits = {pid: Path(f"/proc/{pid}/limits").read_text() for pid in running.processes(scene)}
    assert [pid for pid, text in limits.items() if not re.search(r"^Max core file size +0 +0 ", text, re.M)] == []


def test_the_memory_of_each_process_has_what_it_needs_alone(scene: Scene) -> None:
    """As a core file would have it."""
    dumps = scene.ground / "memory"
    dumps.mkdir(mode=0o700)
    known = running.processes(scene)
    assert {kind for kind, _ in known.values()} == running.ACCEPTED.keys()
    for pid in known:
        with suppress(FileNotFoundError, ProcessLookupError):  # backends come and go
            memory.dump(pid, dumps / str(pid))
    found = search([*scene.planted, *scene.own()], [dumps])
    assert {known[int(each.file.name)][0] for each in found} > {running.CONTROL, running.BROKER, running.AGENT}, "blind"
    assert sorted({f"{each.needle.name}: {known[int(each.file.name)]}" for each in found
                   if not running.is_accepted(each.needle, *known[int(each.file.name)])}) == []
