"""What every resource works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import falcon

from trove.db import audit, audit_chain, commands, tokens
from trove.metrics.figures import Figures

from . import calls, context, hosts, links, policy, rates, settings, waits
from .description import Description


@dataclass(frozen=True, slots=True)
class Services:
    """``clock`` gives seconds since 1970."""

    commands: commands.Commands
    tokens: tokens.Tokens
    audit: audit.Audit
    chain: audit_chain.Chain
    calls: calls.Calls
    hosts: hosts.HostDesk
    settings: settings.Settings
    policy: policy.Policy
    rates: rates.Rates
    figures: Figures
    description: Description
    waits: waits.Waits
    clock: Callable[[], float] = field(default=time.time)


class Resource:
    """The common part of all resources: asking the policy, and links. What answers GET answers HEAD."""

    def __init_subclass__(cls) -> None:
        if (get := getattr(cls, "on_get", None)) is not None:
            cls.on_head = get  # type: ignore[attr-defined]

    def __init__(self, services: Services) -> None:
        self.services = services
        self.commands = services.commands
        self.settings = services.settings

    def allowed(self, req: falcon.Request, *rules: str, owner: str | None = None) -> context.Caller:
        """The caller, if the policy lets it do all of this to the path's project, or to that of ``owner``. Raises
        Forbidden."""
        caller = context.of(req)
        req.context.rules = (*getattr(req.context, "rules", ()), *rules)
        for rule in rules:
            self.services.policy.enforce(rule, caller, owner or caller.project_id)
        return caller

    def base(self, req: falcon.Request) -> links.Base:
        return links.base(req, self.settings.public_endpoint, context.of(req).project_id)
