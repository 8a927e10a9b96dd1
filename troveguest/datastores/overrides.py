"""Capability ``configuration`` of engines that are a server process: the tenant's settings beside our own.

What is wanted is kept on the disk together with what the server last started with. A server that does not start with
new settings gets those back, and the instance says so until it is given others.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from common.contract import types as t
from common.errors import EngineFailed, Invalid, TroveError

from ..host import files
from .base import EngineContext


class Kept(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``wanted`` by name in the server's own spelling. ``live`` are the names that it can change while it runs, and
    ``repair`` whether somebody else's change of these is undone. ``started`` is what it last started with, None before
    it ever did; ``fault`` why that is wanted again."""

    wanted: dict[str, str] = {}
    live: tuple[str, ...] = ()
    repair: bool = False
    started: dict[str, str] | None = None
    fault: str = ""


class Overrides:
    """``file`` is the agent's; the engine's user reads it. ``owned`` says why a setting is not the tenant's, or ''."""

    context: EngineContext

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changing = threading.RLock()
        self.kept = msgspec.json.decode(files.read(file) or b"{}", type=Kept)

    def owned(self, name: str) -> str:
        raise NotImplementedError

    def configure(self) -> tuple[str, ...]:
        raise NotImplementedError

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        """As they are in the server, by those names that it knows. Raises TroveError."""
        raise NotImplementedError

    def change(self, values: Mapping[str, str | None]) -> None:
        """While the server runs; None stands for what it would have without the tenant. Raises TroveError."""
        raise NotImplementedError

    def update_overrides(self, overrides: dict[str, str], live: tuple[str, ...], repair: bool) -> None:
        for name in overrides:
            if reason := self.owned(name):
                raise Invalid(f"The parameter {name} cannot be set: {reason}.", "Leave it out.")
        with self._changing:
            before = self.kept
            try:
                self.keep(structs.replace(before, wanted=overrides, live=live, repair=repair, fault=""))
                self.configure()
                self._bring_in({name: overrides.get(name) for name in live})
            except TroveError:
                self.keep(before)
                self.configure()
                with suppress(TroveError):  # the first error is the one to tell
                    self._bring_in({name: before.wanted.get(name) for name in live})
                raise

    def get_settings(self, names: tuple[str, ...]) -> dict[str, str]:
        return self.settings(names)

    def waiting(self) -> tuple[str, ...]:
        """Those that the server gets when it is started again."""
        wanted, started = self.kept.wanted, self.kept.started
        if started is None:
            return ()
        return tuple(name for name in sorted({*wanted, *started})
                     if name not in self.kept.live and wanted.get(name) != started.get(name))

    def keep(self, kept: Kept) -> None:
        if kept != self.kept:
            self.context.host.write_for_engine(self._file, msgspec.json.encode(kept).decode())
            self.kept = kept

    def tend_settings(self, serving: bool) -> list[t.Drift]:
        """What somebody changed in the server; it is put right if that is wanted."""
        found = [t.Drift(sentence=self.kept.fault)] if self.kept.fault else []
        with self._changing:
            others = self._differing({name: self.kept.wanted[name] for name in self.kept.live
                                      if name in self.kept.wanted}) if serving else {}
            if others and self.kept.repair:
                self.change({name: self.kept.wanted[name] for name in others})
        for name, value in others.items():
            wanted = self.kept.wanted[name]
            found.append(t.Drift(repaired=self.kept.repair, sentence=(
                f"Somebody set {name} to {value!r} in the server, while its configuration has {wanted!r}"
                f"{', which is in force again' if self.kept.repair else ''}.")))
        return found

    def start_with_settings(self, start: Callable[[float], None], timeout: float) -> None:
        """``start`` returns when the server serves, within so many seconds. One that ends with new settings, and ends
        again, is started with those before: then it serves, and EngineFailed says why."""
        until = time.monotonic() + timeout
        try:
            start(timeout)
        except EngineFailed as error:
            if self.kept.started in (None, self.kept.wanted):
                raise
            try:  # somebody may have killed it
                start(until - time.monotonic())
            except EngineFailed:
                reason = self._roll_back(error)
                start(until - time.monotonic())
                raise reason from None
        self.keep(structs.replace(self.kept, started=self.kept.wanted))

    def _roll_back(self, error: TroveError) -> EngineFailed:
        """What is to be said of it; ``error`` is how it fared."""
        kept = self.kept
        assert kept.started is not None
        names = ", ".join(sorted(name for name in {*kept.wanted, *kept.started}
                                 if kept.wanted.get(name) != kept.started.get(name)))
        reason = EngineFailed(
            f"The server did not start with {names} as set, so the settings before are in force again."
            f" {error.message.rstrip('.')}.", "Change the configuration, or detach it.")
        self.keep(structs.replace(kept, wanted=kept.started, fault=reason.message))
        self.configure()
        return reason

    def _bring_in(self, values: dict[str, str | None]) -> None:
        """Raises EngineFailed for a value that the server did not take."""
        if not values or self.context.host.database().process is None:
            return
        self.change(values)
        wanted = {name: value for name, value in values.items() if value is not None}
        if others := self._differing(wanted):
            told = ", ".join(f"{name} is {value!r} and not {wanted[name]!r}" for name, value in others.items())
            raise EngineFailed(f"The server did not take every setting: {told}.", "Choose other values.")

    def _differing(self, wanted: dict[str, str]) -> dict[str, str]:
        """What the server has instead, by name."""
        found = self.settings(tuple(wanted)) if wanted else {}
        return {name: value for name, value in found.items() if value.casefold() != wanted[name].casefold()}
