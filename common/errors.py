"""The closed list of errors that cross between control plane and guest agent: what each means, and its code."""

from typing import ClassVar


class TroveError(Exception):
    """An error with a stable ``code``, a sentence for a person, and a ``hint`` that says what to do about it.

    ``retryable``: it may be gone when the same is asked again.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls, *, code: str = "", retryable: bool = False) -> None:
        """A kind names its code; what is derived from a kind has that kind's."""
        if code:
            cls.code, cls.retryable = code, retryable

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def sentence(self) -> str:
        """The message with its remedy behind it, as a person reads it in ``fault``."""
        return f"{self.message} {self.hint}".strip()


class Invalid(TroveError, code="invalid"):
    """The order makes no sense, and never will."""


class NotFound(TroveError, code="not_found"):
    """What it names is not there."""


class Exists(TroveError, code="exists"):
    """What it would make is there already."""


class Unsupported(TroveError, code="unsupported"):
    """This engine cannot do it."""


class Refused(TroveError, code="refused"):
    """A rule forbids it (a reserved name, a foreign project)."""


class OverQuota(TroveError, code="over_quota"):
    """A project's limit is reached."""


class Conflict(TroveError, code="conflict"):
    """The thing is in the wrong state for it."""


class Busy(TroveError, code="busy", retryable=True):
    """Another operation is under way."""


class NotReady(TroveError, code="not_ready", retryable=True):
    """The database server does not answer (yet)."""


class Unreachable(TroveError, code="unreachable", retryable=True):
    """The other side cannot be reached; says nothing of its health."""


class DeadlinePassed(TroveError, code="deadline", retryable=True):
    """It took longer than it may."""


class Stale(TroveError, code="stale", retryable=True):
    """The message was meant for an earlier life of the receiver."""


class TooOld(TroveError, code="too_old"):
    """The other side does not know the order; says what to upgrade."""


class NoSpace(TroveError, code="no_space"):
    """A disk is full."""


class Cancelled(TroveError, code="cancelled"):
    """Somebody called it off."""


class EngineFailed(TroveError, code="engine_failed"):
    """The database server or one of its tools said no."""


class HostFailed(TroveError, code="host_failed"):
    """The operating system said no."""


class Internal(TroveError, code="internal"):
    """A defect of ours; the log has the trace under the request id."""


BY_CODE: dict[str, type[TroveError]] = {cls.code: cls for cls in TroveError.__subclasses__()}


def from_code(code: str, message: str, hint: str = "") -> TroveError:
    """The error that ``code`` names; an unknown one (a newer peer's) becomes Internal and has its name in the text."""
    if (cls := BY_CODE.get(code)) is not None:
        return cls(message, hint)
    return Internal(f"{code}: {message}", hint)
