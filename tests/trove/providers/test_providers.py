"""A provider with a gap stops the start, not the first user."""

import importlib
from pathlib import Path

import pytest

from trove import providers
from trove.providers.fake import FakeProvider


class WithoutGrow:
    name = "gap"

    def allocate_address(self, instance_id, taken): ...
    def place(self, wanted, bus, keys): ...
    def unplace(self, instance_id): ...
    def placed(self): ...


class WithOtherArguments(WithoutGrow):
    def grow(self, instance_id): ...


class WithoutName(WithoutGrow):
    name = ""

    def grow(self, instance_id, volume_gb): ...


@pytest.mark.parametrize("gap, words", [
    (WithoutGrow, "lacks the method grow"), (WithOtherArguments, "other arguments"), (WithoutName, "has no name"),
])
def test_a_gap_is_refused(gap: type, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        providers.check(gap())


def test_every_provider_is_whole(tmp_path: Path) -> None:
    providers.check(FakeProvider(tmp_path))
    for name, module in providers.MODULES.items():
        assert callable(importlib.import_module(module).provider)
        assert providers.load(name, installation="i", state=tmp_path, agent_release=tmp_path).name == name


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(LookupError, match="local"):
        providers.load("moon")
