"""Commands on this machine."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from common.errors import DeadlinePassed, HostFailed

from ..running import Ended

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Here:
    """A ``Way``, with our rights, which may not be root's. In a session of its own: what is begun is finished."""

    def run(self, command: Sequence[str], given: bytes, timeout: float) -> Ended:
        try:
            ended = subprocess.run(command, input=given, capture_output=True, env=_ENVIRONMENT, cwd="/",
                                   start_new_session=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise DeadlinePassed(f"The command {Path(command[0]).name} took longer than {timeout:.0f} s.") from None
        except OSError as error:
            raise HostFailed(f"The command {command[0]} does not start: {error.strerror}.",
                             "It needs Python 3.11 or later as /usr/bin/python3.") from error
        return Ended(ended.returncode, ended.stdout, ended.stderr)
