"""What the root command ``trove-guestagent preflight | place | grow | unplace`` reads on standard input, and answers.

It goes over a pipe or SSH from a provider to the host that will carry the instance, once, and holds that guest's
secrets.
"""

from typing import Annotated

from msgspec import Meta, Struct

from common.secret import Secret

ACCOUNT_IDS = range(70000, 100000)
"""Of instances' accounts. Neither Debian's tools nor systemd nor subordinate ids claim them: the system's are not used
up."""
ENGINE_ACCOUNT, AGENT_ACCOUNT = "tre-", "tra-"
"""What the names of an instance's two accounts begin with; digits of its id follow."""

InstanceId = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class BusLogin(Struct, frozen=True, kw_only=True):
    """How the agent reaches the broker: AMQP over TLS, checked against ``ca_pem``."""

    host: str
    port: int
    virtual_host: str
    username: str
    password: Secret
    ca_pem: str
    server_name: str


class GuestKeys(Struct, frozen=True, kw_only=True):
    """32 bytes each, in base64: one key a direction. ``epoch`` counts the rotations."""

    epoch: int
    to_guest: Secret
    from_guest: Secret


class Preflight(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an instance would need of a host. ``home`` is its directory; ``release`` the agent release to run from (a
    directory).

    ``volume_gb`` None means: no volume of its own. ``address`` and ``port`` are where the server is to listen;
    ``clock`` is the time of who asks, in seconds since 1970. What is None or empty does not matter.
    """

    home: str
    release: str
    datastore: str
    address: str = ""
    port: int = 0
    volume_gb: Annotated[int, Meta(ge=1)] | None = None
    bus: BusLogin | None = None
    binaries: str = ""
    clock: float | None = None


class Placement(Preflight, frozen=True, kw_only=True, omit_defaults=True):
    """One instance on a Linux host.

    An agent that is there already keeps its release; with ``replaces_release`` it is restarted to try this one, and
    goes back to its own when it does not report from that in time. With ``template`` a server that is new here, which
    nobody has settings for, is begun at once, and may be a copy of one that was initialised before.
    """

    instance_id: InstanceId
    datastore_version: str
    address: str
    port: int
    memory_mb: Annotated[int, Meta(ge=64)]
    vcpus: Annotated[int, Meta(ge=1)]
    volume_gb: Annotated[int, Meta(ge=1)] | None
    bus: BusLogin
    keys: GuestKeys
    log_json: bool = False
    log_debug: bool = False
    replaces_release: bool = False
    template: bool = False


class Placed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of it. ``limits`` and ``volume`` say how they are enforced; ``notes`` are sentences for operators.

    ``repaired`` names what had been otherwise than an earlier placing left it; ``release`` is the name of the release's
    directory, which is its hash, that the agent starts from.
    """

    instance_id: str
    limits: str
    volume: str
    trust: str
    notes: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    release: str = ""


class Unplacement(Struct, frozen=True, kw_only=True):
    instance_id: InstanceId
    home: str


class Growth(Struct, frozen=True, kw_only=True):
    instance_id: InstanceId
    home: str
    volume_gb: Annotated[int, Meta(ge=1)]
