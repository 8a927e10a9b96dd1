"""No answer for the accounts that databases of this machine, and their agents, run under.

Where the API asks nobody who he is, it listens on loopback alone. But a tenant who is a superuser of his database runs
programs on this very machine, and they reach loopback, too. The kernel knows whose the other end of a connection is.
"""

import errno
import pwd
import socket
import struct
from collections.abc import Iterable
from typing import Any

from common.contract.placement import ACCOUNT_IDS, AGENT_ACCOUNT, ENGINE_ACCOUNT
from common.errors import HostFailed
from common.openstack import log

from . import errors, paths

LOG = log.get(__name__)

Address = tuple[str, int]

_SOCK_DIAG = 4
_BY_FAMILY, _REQUEST, _ERROR = 20, 1, 2
_ANY_COOKIE = 0xFFFFFFFF
_ANY_STATE = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBBBI")
_ENDS = struct.Struct("!HH16s16s")
_TAIL = struct.Struct("=III")
_ANSWER = struct.Struct(f"=4x{_ENDS.size + _TAIL.size}x12xII")
"""Of sock_diag(7): nlmsghdr, inet_diag_req_v2, the two halves of inet_diag_sockid; of inet_diag_msg user and inode."""
_PATIENCE = 5.0


class Doorkeeper:
    """Wraps the application where it is served at ``address``."""

    def __init__(self, application: paths.Wsgi, address: Address) -> None:
        self._application = application
        self._address = address
        self._told: set[int] = set()

    def check(self) -> None:
        """Raises HostFailed when the kernel does not tell whose a socket is: ours, which listens, is there."""
        nobody = "::" if ":" in self._address[0] else "0.0.0.0"  # noqa: S104 - the other end of one that listens
        if owner(self._address, (nobody, 0)) is None:
            raise HostFailed("The kernel does not tell whose a connection is, so databases' accounts could not be told "
                             "from yours.", "Load the kernel's module tcp_diag: modprobe tcp_diag.")

    def __call__(self, environ: paths.Environ, start_response: Any) -> Iterable[bytes]:
        found = owner((environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])), self._address)
        if found is not None and not is_instances(found):
            return self._application(environ, start_response)
        if found is not None and found not in self._told:
            self._told.add(found)
            LOG.warning("The account of a database asked the API, and is refused.", uid=found)
        error = errors.Forbidden("The accounts of databases get no answer here.", "Ask as another user.")
        body = errors.body(403, error.sentence())
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def is_instances(uid: int) -> bool:
    """Whether it is, or was, the account of a database or of its agent."""
    if uid not in ACCOUNT_IDS:
        return False
    try:
        return pwd.getpwuid(uid).pw_name.startswith((ENGINE_ACCOUNT, AGENT_ACCOUNT))
    except KeyError:  # of an instance that was deleted, whose program goes on
        return True


def owner(here: Address, there: Address) -> int | None:
    """The user who holds the TCP socket at ``here``, connected to ``there``; None when nobody does any more.

    A socket whose program has closed it is nobody's, whatever is still on its way from it. Raises OSError when the
    kernel cannot be asked.
    """
    family = socket.AF_INET6 if ":" in here[0] else socket.AF_INET
    ends = _ENDS.pack(here[1], there[1], *(socket.inet_pton(family, host) for host, _ in (here, there)))
    question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE) + ends + _TAIL.pack(
        0, _ANY_COOKIE, _ANY_COOKIE)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE)
        kernel.send(_HEADER.pack(_HEADER.size + len(question), _BY_FAMILY, _REQUEST, 0, 0) + question)
        answer = kernel.recv(8192)
    _, kind, _, _, _ = _HEADER.unpack_from(answer)
    if kind == _ERROR:
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number == errno.ENOENT:
            return None
        raise OSError(number, "sock_diag")
    uid, inode = _ANSWER.unpack_from(answer, _HEADER.size)
    return int(uid) if inode else None
