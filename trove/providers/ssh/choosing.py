"""Which release of the agent a host gets: one for its version of Python and its kind of machine."""

from collections.abc import Iterator
from pathlib import Path

from common import releases
from common.errors import HostFailed, Invalid
from trove.domain.hosts import Host
from trove.releases import installing


class Releases:
    """``directory`` has them under their hashes; ``present`` is the one that came with this program."""

    def __init__(self, directory: Path, present: Path) -> None:
        self._directory = directory
        self._present = present

    def of(self, host: Host) -> str:
        """Its hash; what came with this program where that fits, else the last of those that were put here.

        Raises HostFailed when none fits.
        """
        present = releases.read(self._present)
        if host.facts is None or _fits(present, host):
            return installing.install(self._present, self._directory).name
        fitting = [path for path, manifest in self._all() if _fits(manifest, host)]
        if not fitting:
            raise HostFailed(f"There is no agent for the host {host.name}, which has Python {host.facts.python} on "
                             f"{host.facts.arch}.", f"Build one from a checkout: trovectl agent push {host.name}.")
        return max(fitting, key=lambda path: path.stat().st_mtime).name

    def _all(self) -> Iterator[tuple[Path, releases.Manifest]]:
        for path in self._directory.glob("[0-9a-f]*"):
            try:
                yield path, releases.read(path)
            except Invalid:  # damaged; whoever wants that one is told so
                continue


def _fits(manifest: releases.Manifest, host: Host) -> bool:
    return host.facts is not None and (manifest.python, manifest.arch) == (host.facts.python, host.facts.arch)
