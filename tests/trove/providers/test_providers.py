"""A provider with a gap stops the start, not the first user."""

import dataclasses
from pathlib import Path

import pytest

from common.errors import NoSpace
from tests.trove.providers.test_local import BUS, INSTANCE, KEYS, WANTED
from trove import providers
from trove.domain.spots import Spot
from trove.providers.agent import Logging
from trove.providers.dispatch import Dispatcher
from trove.providers.fake import FakeProvider
from trove.providers.local import LocalProvider


class WithoutGrow:
    name = "gap"

    def hosts(self): ...
    def find_spot(self, wanted, loads): ...
    def preflight(self, wanted, bus): ...
    def place(self, wanted, bus, keys): ...
    def unplace(self, instance_id, host): ...
    def placed(self, host): ...
    def deliver(self, release, host): ...


class WithOtherArguments(WithoutGrow):
    def grow(self, instance_id): ...


class WithoutName(WithoutGrow):
    name = ""

    def grow(self, instance_id, host, volume_gb): ...


@pytest.mark.parametrize("gap, words", [
    (WithoutGrow, "lacks the method grow"), (WithOtherArguments, "other arguments"), (WithoutName, "has no name"),
])
def test_a_gap_is_refused(gap: type, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        providers.check(gap())


def test_every_provider_is_whole(tmp_path: Path) -> None:
    fake = FakeProvider(tmp_path)
    for provider in (fake, LocalProvider("i", tmp_path, tmp_path, Logging()), Dispatcher(fake, fake, fake)):
        providers.check(provider)


def test_each_instance_stays_with_the_provider_that_has_it(tmp_path: Path) -> None:
    here, elsewhere = FakeProvider(tmp_path / "here"), FakeProvider(tmp_path / "elsewhere")
    both = Dispatcher(here, elsewhere, chosen=elsewhere)
    elsewhere.fails["find_spot"] = NoSpace("Full.")
    with pytest.raises(NoSpace):
        both.find_spot(WANTED, ())
    for host in (None, "rack1"):
        both.place(dataclasses.replace(WANTED, spot=Spot(host, "127.64.7.1", 3306)), BUS, KEYS)
        both.grow(INSTANCE, host, 3)
        assert [each.level for each in both.preflight(WANTED, BUS)] == ["ok"]
        assert both.placed(host) == {INSTANCE}
    both.unplace(INSTANCE, "rack1")
    assert (here.placed(None), elsewhere.placed("rack1")) == ({INSTANCE}, frozenset())
