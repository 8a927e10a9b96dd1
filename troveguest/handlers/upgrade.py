"""The agent replaced by another release of itself, in this very process. The database server does not notice."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from common.errors import HostFailed, Invalid, Unsupported
from common.openstack import log

from ..host import files
from ..host.layout import Layout
from ..operations import HandedOver, Job

LOG = log.get(__name__)

SINCE = "1.2"
"""The contract of the first release that can take over so, and report that it has."""

_TICK = 0.02
"""Seconds by which a file may be told too old: the kernel's clock for these ticks."""


class Upgrade:
    """``own`` is the hash of the release that runs, empty outside of one; ``hand_over`` ends this life of the agent and
    has ``starter.py`` begin the next one, in the same process."""

    def __init__(self, layout: Layout, own: str, hand_over: Callable[[], None]) -> None:
        self._layout = layout
        self._own = own
        self._hand_over = hand_over
        self._reported = threading.Event()

    def handlers(self) -> dict[str, Callable[..., object]]:
        return {"upgrade": self.upgrade}

    def upgrade(self, job: Job, release: str, total: str) -> None:
        """The next life takes it up again: the new release ends it well, the old one says why it is back."""
        if self._own == total:
            self._reported.wait(job.remaining())
            job.remaining()
            return
        self._require_untried(total, job.accepted_at)
        job.tell("Every file of the new release is held against its hash.")
        self._check(Path(release), total)
        job.tell("The agent hands over to the new release.")
        files.ensure_link(self._layout.links / "next", release)
        self._hand_over()
        raise HandedOver

    def note_reported(self) -> None:
        """The broker has our hello: what was being tried stays, and is what starts from here on."""
        trial, current = self._layout.links / "trial", self._layout.links / "current"
        if trial.is_symlink():
            signal.setitimer(signal.ITIMER_REAL, 0)
            if current.is_symlink():
                files.ensure_link(self._layout.links / "previous", str(current.readlink()))
            trial.rename(current)
            files.sync_directory(self._layout.links)
            LOG.info("The new release has reported and stays.", release=self._own)
        self._reported.set()

    def _require_untried(self, total: str, since: float) -> None:
        """Raises HostFailed when this very order has had it tried, in vain."""
        failed = self._layout.links / "failed"
        if not failed.is_symlink() or failed.readlink().name != total or failed.lstat().st_mtime + _TICK < since:
            return
        from ..host import starter

        made = failed.lstat()  # when it was to start, and renamed when that was over
        lasted = made.st_ctime - made.st_mtime
        how = f"within {starter.PATIENCE} s" if lasted >= starter.PATIENCE else f"and ended after {lasted:.0f} s"
        said = files.tail(self._layout.agent_log, 8192).rpartition(starter.DID_NOT_LAST)[0].splitlines()[:-1]
        words = f" The last line of its log: {said[-1][-300:]}" if said else ""
        raise HostFailed(f"The new release of the agent did not report {how}; the one before it goes on.{words}",
                         "The agent's log has the rest.")

    def _check(self, release: Path, total: str) -> None:
        """Nothing of it has been run so far. Raises Invalid, Unsupported."""
        from common import releases
        from common.contract.version import understands

        manifest = releases.verify(release)
        if manifest.total != total:
            raise Invalid(f"The release in {release} has the hash {manifest.total}, and {total} was ordered.",
                          "Deliver it again.")
        if not understands(manifest.contract, SINCE):
            raise Unsupported(f"The release speaks contract {manifest.contract} and cannot take over from a running "
                              "agent.", "Choose a newer one.")
        if not self._layout.starter.exists():
            raise Unsupported("This agent was not started in a way that lets it be replaced.",
                              "Place the instance again.")
