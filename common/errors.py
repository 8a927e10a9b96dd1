"""The closed list of errors that cross between control plane and guest agent.

::

    TroveError                     code            retryable
    ├── Invalid                    invalid         no    the order makes no sense, and never will
    ├── NotFound                   not_found       no    what it names is not there
    ├── Exists                     exists          no    what it would make is there already
    ├── Unsupported                unsupported     no    this engine cannot do it
    ├── Refused                    refused         no    a rule forbids it (a reserved name, a foreign project)
    ├── OverQuota                  over_quota      no    a project's limit is reached
    ├── Conflict                   conflict        no    the thing is in the wrong state for it
    ├── Busy                       busy            yes   another operation is under way
    ├── NotReady                   not_ready       yes   the database server does not answer (yet)
    ├── Unreachable                unreachable     yes   the other side cannot be reached; says nothing of its health
    ├── DeadlinePassed             deadline        yes   it took longer than it may
    ├── Stale                      stale           yes   the message was meant for an earlier life of the receiver
    ├── TooOld                     too_old         no    the other side does not know the order; says what to upgrade
    ├── NoSpace                    no_space        no    a disk is full
    ├── Cancelled                  cancelled       no    somebody called it off
    ├── EngineFailed               engine_failed   no    the database server or one of its tools said no
    ├── HostFailed                 host_failed     no    the operating system said no
    └── Internal                   internal        no    a defect of ours; the log has the trace under the request id
"""

from typing import ClassVar


class TroveError(Exception):
    """An error with a stable ``code``, a sentence for a person, and a ``hint`` that says what to do about it."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def sentence(self) -> str:
        """The message with its remedy behind it, as a person reads it in ``fault``."""
        return f"{self.message} {self.hint}".strip()


class Invalid(TroveError):
    code = "invalid"


class NotFound(TroveError):
    code = "not_found"


class Exists(TroveError):
    code = "exists"


class Unsupported(TroveError):
    code = "unsupported"


class Refused(TroveError):
    code = "refused"


class OverQuota(TroveError):
    code = "over_quota"


class Conflict(TroveError):
    code = "conflict"


class Busy(TroveError):
    code = "busy"
    retryable = True


class NotReady(TroveError):
    code = "not_ready"
    retryable = True


class Unreachable(TroveError):
    code = "unreachable"
    retryable = True


class DeadlinePassed(TroveError):
    code = "deadline"
    retryable = True


class Stale(TroveError):
    code = "stale"
    retryable = True


class TooOld(TroveError):
    code = "too_old"


class NoSpace(TroveError):
    code = "no_space"


class Cancelled(TroveError):
    code = "cancelled"


class EngineFailed(TroveError):
    code = "engine_failed"


class HostFailed(TroveError):
    code = "host_failed"


class Internal(TroveError):
    code = "internal"


BY_CODE: dict[str, type[TroveError]] = {cls.code: cls for cls in TroveError.__subclasses__()}


def from_code(code: str, message: str, hint: str = "") -> TroveError:
    """The error that ``code`` names; an unknown one (a newer peer's) becomes Internal and has its name in the text."""
    if (cls := BY_CODE.get(code)) is not None:
        return cls(message, hint)
    return Internal(f"{code}: {message}", hint)
