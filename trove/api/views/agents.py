"""Agents as REST shows them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct

from trove.db import views as rows
from trove.domain.agents import AgentState, state

from . import blocks

_Hash = Annotated[str, Meta(examples=["5d" * 32])]


class Agent(Struct, frozen=True, kw_only=True):
    """``release`` is what it says that it runs from, null where it does not say; ``pinned`` what it is placed with."""

    instance_id: blocks.Id
    instance_name: blocks.Name
    version: Annotated[str | None, Meta(examples=["0.1.0"])]
    contract: Annotated[str | None, Meta(examples=["1.2"])]
    release: _Hash | None
    pinned: _Hash | None
    state: Annotated[Literal["current", "behind", "upgrading", "silent"], Meta(examples=["behind"])]


class AgentPage(Struct, frozen=True):
    """``release`` is what new instances get here, and ``behind`` how many agents, of all, run from another one."""

    agents: tuple[Agent, ...]
    release: _Hash
    behind: Annotated[int, Meta(examples=[3])]
    links: blocks.NextLink = UNSET


def agent(row: rows.Instance, present: str, now: float) -> Agent:
    seen = row.observed
    age = None if seen.at is None else now - seen.at
    found: AgentState = state(row.task, seen.agent_release, present, age)
    return Agent(instance_id=row.id, instance_name=row.name, version=seen.agent_version, contract=seen.contract_version,
                 release=seen.agent_release, pinned=row.release, state=found.value)
