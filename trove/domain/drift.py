"""What of an agent's findings a person was told already."""

from collections.abc import Sequence

import msgspec

from common.contract.types import Drift

MOST = 20
"""Findings of one heartbeat that count: an agent has a dozen kinds of them, and a stolen one may not fill the store."""

LONGEST = 500
"""Characters of a sentence that tell it from another."""

_Key = tuple[str, float]


def remembered(findings: Sequence[Drift]) -> str:
    """The findings as they are kept with an instance; empty for none."""
    return msgspec.json.encode([_key(each) for each in findings[:MOST]]).decode() if findings else ""


def news(before: str, findings: Sequence[Drift]) -> list[Drift]:
    """Those that are not among ``before``, which ``remembered`` made."""
    known = set(msgspec.json.decode(before, type=list[_Key])) if before else set()
    return [each for each in findings[:MOST] if _key(each) not in known]


def _key(finding: Drift) -> _Key:
    """A repair is one each time it was needed; what lasts is one, also for an agent that was started anew."""
    return finding.sentence[:LONGEST], finding.found_at if finding.repaired else 0.0
