"""The engine in memory has every behaviour of the kit, and the self-test tells when it has not."""

import re
from collections.abc import Iterator

import pytest

from common.datastores import fake as manifest
from troveguest import conformance as kit
from troveguest.conformance import fake, selftest
from troveguest.conformance.subject import Subject
from troveguest.datastores.fake import FakeEngine


@pytest.fixture
def untouched() -> Iterator[Subject]:
    with fake.subject() as made:
        yield made


@pytest.fixture
def serving(untouched: Subject) -> Subject:
    untouched.engine.initialise(kit.asking.prepare())
    untouched.engine.start(10)
    return untouched


@pytest.mark.parametrize("behaviour", (*kit.LIFE, *kit.ORDERS), ids=kit.identify)
def test_life(behaviour: kit.Behaviour, untouched: Subject) -> None:
    behaviour(untouched)


@pytest.mark.parametrize("behaviour", kit.serving(manifest.MANIFEST), ids=kit.identify)
def test_serving(behaviour: kit.Behaviour, serving: Subject) -> None:
    behaviour(serving)


def test_the_self_test_goes_through_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    behaviours = (*kit.LIFE, *kit.ORDERS, *kit.serving(manifest.MANIFEST))
    assert selftest.main() == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", kit.identify(each)] for each in behaviours]
    assert re.fullmatch(rf"{len(behaviours)} of {len(behaviours)} behaviours are as they must be \(\S+ s\)\.", last)


def test_the_self_test_names_what_an_engine_fails_at(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of access are enough for that, beside one that is as it must be."""
    access = [each for each in kit.serving(manifest.MANIFEST) if kit.identify(each).startswith("access-")]
    for name, kept in (("LIFE", kit.LIFE[:1]), ("ORDERS", ()), ("serving", lambda _: access)):
        monkeypatch.setattr(selftest, name, kept)
    monkeypatch.setattr(FakeEngine, "revoke_access", lambda self, user, database: None)
    assert selftest.main() == 1
    first, *lines = capsys.readouterr().out.splitlines()
    failed = [line for line in lines if line.startswith("FAILED")]
    assert first.startswith(f"ok  {kit.identify(kit.LIFE[0])} ")
    assert "access-closes_it_again" in {line.split()[1] for line in failed}
    assert any("can_use" in line or "granted" in line for line in failed), "the assertion is shown"
