"""The command ``trovectl``, put together."""

import typer

from . import (
    agent,
    audit,
    configurations,
    databases,
    doctor,
    events,
    hosts,
    identity,
    installation,
    instances,
    keys,
    logs,
    operations,
    output,
    parameters,
    quotas,
    root,
    tokens,
    trying,
    users,
    versions,
)
from .session import group

app = typer.Typer(help="Trove: databases on request, and the installation on this machine.", no_args_is_help=True,
                  epilog=output.EXIT_CODES, pretty_exceptions_enable=False)

installation.register(app)
doctor.register(app)
agent.register(group(app, "agent", "The guest agent: build releases of it, upgrade agents."))
host = group(app, "host", "Machines that carry instances, reached over SSH.")
hosts.register(host)
identity.register(host)
trying.register(host)
_instance = group(app, "instance", "Database servers: create, look at, connect to, restart and delete them.")
instances.register(_instance)
keys.register(_instance)
users.register(group(app, "user", "Users of an instance, and the databases that they may use."))
databases.register(group(app, "database", "Databases in an instance."))
datastore = group(app, "datastore", "What instances are made of.")
versions.register(group(datastore, "version", "Versions of datastores, several on one machine: register, choose."))
configurations.register(group(app, "configuration", "Groups of settings that instances have."))
parameters.register(group(app, "parameter", "What can be set in the servers of a datastore."))
root.register(group(app, "root", "The superuser of an instance: open to the network, or closed."))
quotas.register(group(app, "quota", "What projects may have."))
tokens.register(group(app, "token", "API tokens, where auth_strategy is token: make them, list them, revoke them."))
events.register(app)
audit.register(app)
logs.register(app)
logs.register_switches(group(app, "log", "The logs of an instance: list them, switch them on and off."))
operations.register(group(app, "operation", "Creations, restarts and deletions: how far they are; retry, call off."))
