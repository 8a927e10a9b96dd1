"""The agent's own options. Declared here once; read on the instance without oslo.config, and real options where it is.

Every option is about one instance on one machine. ``trove-guestagent place`` writes them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from common.secret import Secret

from . import options


class Default(Struct, frozen=True, kw_only=True):
    """``[DEFAULT]``"""

    instance_id: Annotated[str, Meta(description="Id of the instance that this agent serves.", min_length=1)]
    datastore: Annotated[str, Meta(description="Name of the engine, such as mariadb.", min_length=1)]
    datastore_version: Annotated[str, Meta(description="Version of the engine, such as 10.11.", min_length=1)]
    home: Annotated[str, Meta(description="Directory of the instance, below which all of its files are.", min_length=1)]
    address: Annotated[str, Meta(description="Address at which the database server listens.", min_length=1)]
    port: Annotated[int, Meta(description="TCP port at which the database server listens.", ge=1, le=65535)]
    memory_mb: Annotated[int, Meta(
        description="Memory of the instance in MiB, from which the server's caches are sized.", ge=64)]
    binaries: Annotated[str, Meta(description="Directory of the engine's programs; empty: they are on the PATH.")] = ""
    host: Annotated[Literal["runit", "fake"], Meta(
        description="What runs the server: the supervisor runit, or a fake in memory (for tests).")] = "runit"
    report_interval: Annotated[float, Meta(
        description="Seconds between two heartbeats when nothing changes.", ge=0.1, le=60)] = 30.0
    observe_interval: Annotated[float, Meta(
        description="Seconds between two looks at the database server.", ge=0.1, le=60)] = 3.0
    restart_pause: Annotated[float, Meta(
        description="Seconds before a server that dies again is restarted; doubled each time.", ge=0)] = 1.0
    restart_pause_max: Annotated[float, Meta(
        description="Seconds that lie between two such restarts at most.", ge=1)] = 60.0
    recovery_timeout: Annotated[float, Meta(
        description="Seconds that a server which died may take to recover and accept connections.", ge=1)] = 600.0
    debug: Annotated[bool, Meta(description="Whether debugging lines are logged.")] = False
    use_json: Annotated[bool, Meta(description="Whether log lines are JSON objects.")] = False


class Bus(Struct, frozen=True, kw_only=True):
    """``[bus]``"""

    host: Annotated[str, Meta(description="Address of the broker.", min_length=1)]
    port: Annotated[int, Meta(description="TCP port of the broker.", ge=1, le=65535)] = 5671
    virtual_host: Annotated[str, Meta(description="Virtual host on the broker.", min_length=1)] = "/"
    username: Annotated[str, Meta(description="This guest's own login at the broker.", min_length=1)]
    password: Annotated[Secret, Meta(description="Password of that login.")]
    ca_file: Annotated[str, Meta(
        description="PEM file of the only authority that is believed; empty: a connection without TLS.")] = ""
    server_name: Annotated[str, Meta(description="Name in the broker's certificate when it is not its address.")] = ""


class Keys(Struct, frozen=True, kw_only=True):
    """``[keys]``"""

    epoch: Annotated[int, Meta(description="How often this guest's keys have been changed.", ge=0)] = 0
    to_guest: Annotated[Secret, Meta(description="Key that seals what is said to this guest: 32 bytes in base64.")]
    from_guest: Annotated[Secret, Meta(description="Key that seals what this guest says: 32 bytes in base64.")]


class Options(Struct, frozen=True, kw_only=True):
    default: Default
    bus: Bus
    keys: Keys


def load(files: Sequence[Path], directories: Sequence[Path]) -> tuple[Options, list[str]]:
    """The options, and a sentence for each entry in the files that nothing knows. Raises Invalid."""
    return options.read(Options, options.configuration_files(files, directories))
