"""Capability ``configuration`` of engines that are a server process: the tenant's settings beside our own.

What is wanted is kept on the disk together with what the server last started with. A server that does not start with
new settings gets those back, and the instance says so until it is given others.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec
from msgspec import Struct, structs

from common.contract import types as t
from common.errors import DeadlinePassed, EngineFailed, Invalid, TroveError

from ..host import files
from ..host.base import ProcessId
from .base import EngineContext

_LONGEST = 3000
"""Bytes in a value; MariaDB takes what comes after 4 KiB of a line for the next one."""
_AUTOMATIC = ("-1", "0")
"""By which many a setting is left to the server when it starts."""


class Kept(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``wanted`` by name in the server's own spelling. ``live`` are the names that it can change while it runs, and
    ``repair`` whether somebody else's change of these is undone. ``started`` is what it served with last, as the
    process ``server``; None before it ever did. ``fault`` is why that is wanted again. ``logs`` are
    those that are switched on."""

    wanted: dict[str, str] = {}
    live: tuple[str, ...] = ()
    repair: bool = False
    started: dict[str, str] | None = {}
    server: ProcessId | None = None
    fault: str = ""
    logs: tuple[str, ...] = ()


class Overrides:
    """``file`` is the agent's; the engine's user reads it. ``owned`` says why a setting is not the tenant's, or ''."""

    context: EngineContext

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changing = threading.RLock()
        self.kept = msgspec.json.decode(files.read(file) or b"{}", type=Kept)

    def owned(self, name: str) -> str:
        raise NotImplementedError

    def write_configuration(self) -> tuple[str, ...]:
        """As ``Engine.configure``."""
        raise NotImplementedError

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        """As they are in the server, by those names that it knows. Raises TroveError, also for no names at all, when
        the server does not answer."""
        raise NotImplementedError

    def change(self, values: Mapping[str, str | None]) -> None:
        """While the server runs; None stands for what it would have without the tenant. Raises TroveError."""
        raise NotImplementedError

    def configure(self) -> tuple[str, ...]:
        with self._changing:
            return self.write_configuration()

    def take(self, overrides: dict[str, str]) -> None:
        """Those that the server is made with. Raises Invalid."""
        self._check(overrides)
        self._keep(Kept(wanted=overrides, started=None))

    def update_overrides(self, overrides: dict[str, str], live: tuple[str, ...], repair: bool) -> None:
        """On the disk it is done when all of it is: an agent that dies before goes on with what was."""
        self._check({**dict.fromkeys(live, ""), **overrides})
        with self._changing:
            if process := self.context.host.database().process:
                self._require_known(overrides)
                self._note_start(process)
            before = self.kept
            touched = sorted({*live, *before.live})
            self.kept = structs.replace(before, wanted=overrides, live=live, repair=repair, fault="")
            try:
                self.configure()
                if process:
                    self._bring_in({name: overrides.get(name) for name in touched})
                self._keep(self.kept)
            except (TroveError, OSError):
                self.kept = before
                self.configure()
                with suppress(TroveError):  # the first error is the one to tell
                    self._bring_in({name: before.wanted.get(name) for name in touched} if process else {})
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

    def tend_settings(self, serving: bool) -> list[t.Drift]:
        """What is otherwise in the server than it is wanted; it is put right if it should and can be."""
        process = self.context.host.database().process if serving else None
        with self._changing:
            found = [t.Drift(sentence=self.kept.fault)] if self.kept.fault else []
            if process:
                self._note_start(process)
                found += self._tend_values()
        return found

    def start_with_settings(self, start: Callable[[float], None], timeout: float) -> None:
        """``start`` returns when the server serves, within so many seconds. One that ends with new settings, and ends
        again, or has not got up with them in half the time, is started with those before: then it serves, and Invalid
        says why."""
        until, is_first = time.monotonic() + timeout, bool(self.waiting())
        try:
            start(timeout / 2 if is_first else timeout)
        except DeadlinePassed as error:
            if not is_first:  # it takes long to recover
                raise
            self.context.host.stop_database(timeout / 10)
            self._fall_back(error, lambda: start(until - time.monotonic()))
        except EngineFailed as error:
            if self.kept.started in (None, self.kept.wanted):
                raise
            try:  # somebody may have killed it
                start(until - time.monotonic())
            except EngineFailed:
                self._fall_back(error, lambda: start(until - time.monotonic()))
        self._note_start(self.context.host.database().process)

    def _check(self, overrides: Mapping[str, str]) -> None:
        for name, value in overrides.items():
            if reason := self.owned(name):
                raise Invalid(f"The parameter {name[:80]!r} cannot be set: {reason}.", "Leave it out.")
            if len(value.encode(errors="replace")) > _LONGEST:
                raise Invalid(f"The value of the configuration parameter {name} is longer than {_LONGEST} bytes.")

    def _require_known(self, overrides: dict[str, str]) -> None:
        if unknown := overrides.keys() - self.settings(tuple(overrides)).keys():
            raise Invalid(f"The server has no parameter {', '.join(sorted(unknown))}.", "Leave it out.")

    def _keep(self, kept: Kept) -> None:
        self.context.host.write_for_engine(self._file, msgspec.json.encode(kept).decode())
        self.kept = kept

    def _note_start(self, process: ProcessId | None) -> None:
        """Of a server that serves. One that is not known was started since settings were wanted last."""
        if process is not None and process != self.kept.server:
            self._keep(structs.replace(self.kept, started=self.kept.wanted, server=process))

    def _fall_back(self, error: TroveError, start: Callable[[], None]) -> NoReturn:
        """``error`` is how it fared with the new ones. What does not start with the old ones either has other troubles
        than settings."""
        failed, good = self.kept, self.kept.started or {}
        names = ", ".join(sorted(name for name in {*failed.wanted, *good} if failed.wanted.get(name) != good.get(name)))
        reason = Invalid(
            f"The server did not start with {names} as set, so the settings before are in force again."
            f" {error.message.rstrip('.')}.", "Change the configuration, or detach it.")
        self._use(structs.replace(failed, wanted=good, fault=reason.message))
        try:
            start()
        except EngineFailed:
            self._use(failed)
            raise
        self._note_start(self.context.host.database().process)
        raise reason from None

    def _use(self, kept: Kept) -> None:
        with self._changing:
            self._keep(kept)
            self.configure()

    def _bring_in(self, values: dict[str, str | None]) -> None:
        """Raises EngineFailed for a value that the server did not take."""
        self.change(values)
        wanted = {name: value for name, value in values.items() if value is not None}
        if clipped := self._differing(wanted):  # perhaps by another of them, which came later
            self.change({name: wanted[name] for name in clipped})
        if others := clipped and self._differing(wanted):
            told = ", ".join(f"{name} is {value!r} and not {wanted[name]!r}" for name, value in others.items())
            raise EngineFailed(f"The server did not take every setting: {told}.", "Choose other values.")

    def _tend_values(self) -> list[t.Drift]:
        kept, late = self.kept, self.waiting()
        wanted = {name: value for name, value in kept.wanted.items()
                  if name not in late and (name in kept.live or value not in _AUTOMATIC)}
        lasting = others = self._differing(wanted)
        if others and kept.repair:
            self.change({name: wanted[name] for name in others if name in kept.live})
            lasting = self._differing({name: wanted[name] for name in others})
        return [t.Drift(repaired=name not in lasting, sentence=(
            f"The server has {name} = {value!r}, while its configuration has {wanted[name]!r}"
            f"{'' if name in lasting else ', which is in force again'}.")) for name, value in others.items()]

    def _differing(self, wanted: dict[str, str]) -> dict[str, str]:
        """What the server has instead, by name."""
        found = self.settings(tuple(wanted)) if wanted else {}
        return {name: value for name, value in found.items() if not _same(value, wanted[name])}


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one.casefold() == other.casefold()
