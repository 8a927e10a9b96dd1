"""Where instances live, as the configuration has it: on this machine, and on registered hosts."""

import sys
from pathlib import Path

from oslo_config import cfg

from common import releases
from trove.domain.hosts import Hosts
from trove.providers import check
from trove.providers.agent import Logging
from trove.providers.base import Provider
from trove.providers.dispatch import Dispatcher
from trove.providers.local import LocalProvider
from trove.providers.ssh import identity
from trove.providers.ssh.choosing import Releases
from trove.providers.ssh.delivery import Delivery
from trove.providers.ssh.provider import SshProvider
from trove.providers.ssh.transport import Transport

from .state import State

RELEASE = Path("share", "trove", "agent")
"""Where, below the environment that this program is installed in, ``bin/up`` puts the agent release."""


def find(conf: cfg.ConfigOpts, state: State, hosts: Hosts, transport: Transport) -> Provider:
    """What has all instances."""
    local, ssh = here(conf, state), elsewhere(conf, state, hosts, transport)
    both = Dispatcher(local, ssh, chosen=ssh if conf.provider.name == ssh.name else local)
    for each in (local, ssh, both):
        check(each)
    return both


def here(conf: cfg.ConfigOpts, state: State) -> LocalProvider:
    return LocalProvider(state.installation(), state.root, _release(conf), _logging(conf))


def elsewhere(conf: cfg.ConfigOpts, state: State, hosts: Hosts, transport: Transport) -> SshProvider:
    return SshProvider(hosts, delivery(state, transport), Releases(state.releases, _release(conf)).of, _logging(conf))


def delivery(state: State, transport: Transport) -> Delivery:
    return Delivery(transport, state.releases, state.installation(), state.connections)


def transport(conf: cfg.ConfigOpts, state: State) -> Transport:
    """The way to hosts, with our key; whoever has it closes it."""
    return Transport(state.connections, lambda: own_key(conf, state))


def own_key(conf: cfg.ConfigOpts, state: State) -> Path:
    """The private key that we log in to hosts with, made where it is missing. Raises HostFailed."""
    if conf.hosts.identity_file:
        return Path(conf.hosts.identity_file)
    return identity.ensure(state.identity, f"trove {state.installation()}")


def present(conf: cfg.ConfigOpts) -> str:
    """The hash of the release that came with this program. Raises Invalid."""
    return releases.read(_release(conf)).total


def _logging(conf: cfg.ConfigOpts) -> Logging:
    return Logging(json=conf.log_format == "json", debug=conf.log_level == "debug")


def _release(conf: cfg.ConfigOpts) -> Path:
    return Path(conf.provider.agent_release or Path(sys.prefix, RELEASE))
