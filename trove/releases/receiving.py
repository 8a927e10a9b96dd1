"""The host's part of a delivery, as root: a release goes from the login's directory to where instances run from it.

Like ``installing``, it runs on machines that have nothing of ours. ``root`` is the machine's file system.
"""

import os
from pathlib import Path

from common import releases
from common.errors import Invalid

from . import installing, machine


def look(release: str, root: str) -> str | None:
    """Where it is, verified, on a machine that is ready for instances; None when something of that is missing."""
    found = machine.releases(root) / release
    try:
        releases.verify(found)
    except Invalid:
        return None
    if not machine.is_ready(root):
        return None
    os.utime(found)
    return str(found)


def receive(release: str, staging: str, root: str) -> str:
    """Where it is now: ``release`` is the hash that it must have. The machine is ready for instances then.

    ``staging`` is a directory, perhaps below the home of a login (``~login/…``). Raises Invalid where it holds another
    release, or none; nothing of it is run. HostFailed and Conflict as ``machine.check`` does.
    """
    source = Path(staging).expanduser()
    machine.check(releases.read(source), root)
    found = installing.install(source, machine.releases(root), release)
    os.utime(found)
    machine.setup(release, root)
    return str(found)
