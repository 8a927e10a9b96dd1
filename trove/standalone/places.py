"""The provider that the configuration means."""

import sys
from pathlib import Path

from oslo_config import cfg

from common.errors import Invalid
from trove.providers import check, local
from trove.providers.base import Provider

from .state import State

RELEASE = Path("share", "trove", "agent")
"""Where, below the environment that this program is installed in, ``bin/up`` puts the agent release."""


def find(conf: cfg.ConfigOpts, state: State) -> Provider:
    """Raises Invalid for a provider that there is not."""
    if conf.provider.name != local.LocalProvider.name:
        raise Invalid(f"There is no provider {conf.provider.name!r}.", "Set name in section [provider] to local.")
    release = Path(conf.provider.agent_release or Path(sys.prefix, RELEASE))
    provider = local.LocalProvider(state.installation(), state.root, release, log_json=conf.log_format == "json",
                                   log_debug=conf.log_level == "debug")
    check(provider)
    return provider
