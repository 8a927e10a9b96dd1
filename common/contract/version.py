"""The contract's version: MAJOR.MINOR, where a new minor only adds and a new major breaks.

The picture of the wire (``docs/reference/wire.json``) is compared with the code by a test; a change of the picture
without a change of this number fails it.
"""

CONTRACT_VERSION = "1.4"


def understands(receiver: str, wanted: str) -> bool:
    """Whether a peer that speaks ``receiver`` takes a message of version ``wanted`` (same major, minor not newer)."""
    have, want = parts(receiver), parts(wanted)
    return have[0] == want[0] and want[1] <= have[1]


def parts(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)
