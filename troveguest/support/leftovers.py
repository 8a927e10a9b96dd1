"""What is left on the machine of instances that have no home any more."""

import json
import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

from common.findings import Finding, failed, warning

from ..host import processes

GROUPS, MOUNTS = Path("/sys/fs/cgroup"), Path("/proc/self/mountinfo")
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def look(top: Path, groups: Path = GROUPS, mounts: Path = MOUNTS) -> Iterator[Finding]:
    """By its path, what is left of any installation; of accounts and control groups, those that no home is seen of."""
    supervised = dict(_supervised())
    mounted = re.findall(rf" (/\S+/instances/{_ID})/volume ", mounts.read_text())
    # a process sees its own root, which is another one in a container, and which not everybody may look into
    seen = {home: f"/proc/{pid}/root" for home, pid in supervised.items()} | dict.fromkeys(mounted, "")
    for home in sorted(home for home, root in seen.items()
                       if os.access(f"{root}/", os.F_OK) and not os.access(f"{root}{home}/place.json", os.F_OK)):
        yield failed("leftovers", f"A supervisor or a mount is left of {home}, where no instance is placed.",
                     _removal(Path(home)))
    names = "\n".join((*(entry.pw_gecos for entry in pwd.getpwall()),
                       *(path.name for path in (*groups.glob("trove-*"), *groups.glob("*/trove-*")))))
    known = {Path(home).name for home in (*seen, *map(str, top.glob("instances/*")))}
    for instance_id in sorted({*re.findall(rf"^(?:Trove instance |trove-)({_ID})$", names, re.MULTILINE)} - known):
        yield warning("leftovers", f"Accounts or control groups are left of the instance {instance_id}, unless another"
                      " installation has it.", _removal(top / "instances" / instance_id))


def _supervised() -> Iterator[tuple[str, int]]:
    for pid in processes.all_ids():
        line = " ".join(processes.command_line(pid))
        if found := re.match(rf"\S*runsvdir .*?(/\S+/instances/{_ID})/services\b", line):
            yield found[1], pid


def _removal(home: Path) -> str:
    return f"Remove it: echo '{json.dumps({'instance_id': home.name, 'home': str(home)})}' | trove-guestagent unplace"
