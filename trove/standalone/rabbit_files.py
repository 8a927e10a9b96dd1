"""What a private RabbitMQ node is told: its configuration files and environment, as pure functions of its identity."""

import base64
import hashlib
import ipaddress
import pathlib
import secrets
from collections.abc import Sequence

import msgspec

from common.secret import Secret

ADDRESS = "127.0.0.1"
VIRTUAL_HOST = "trove"
ADMINISTRATOR = "control"
NODE_NAME = "trove@localhost"

# The node itself takes 130 MB, and the queues of a thousand guests a good 100 MB, without their connections. At the
# limit it stops taking messages; at half of it, it writes queues out to disk.
MEMORY_LIMIT = "1GiB"
MAX_MESSAGE_BYTES = 4 << 20

_CONFIGURATION = """\
listeners.tcp = none
{listeners}
ssl_options.cacertfile = {etc}/ca.pem
ssl_options.certfile = {etc}/server.pem
ssl_options.keyfile = {etc}/server.pem
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
auth_mechanisms.1 = PLAIN
loopback_users.{administrator} = true
channel_max = 64
max_message_size = {max_message}
vm_memory_high_watermark.absolute = {memory}
management.tcp.ip = {address}
management.tcp.port = {ports.management}
management_agent.disable_metrics_collector = true
load_definitions = {etc}/definitions.json
log.console = false
log.file.level = info
log.file.rotation.size = 10485760
log.file.rotation.count = 3
"""


class Ports(msgspec.Struct, frozen=True):
    """All on loopback. ``distribution`` and ``epmd`` are Erlang's, which can't do without them."""

    amqp: int
    management: int
    distribution: int
    epmd: int


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Made with the first start and kept. ``password`` is the administrator's, ``salt`` (4 bytes in hex) its hash's."""

    ports: Ports
    password: Secret
    salt: str
    cookie: Secret


def new_identity(ports: Sequence[int]) -> Identity:
    return Identity(
        ports=Ports(*ports),
        password=Secret(secrets.token_urlsafe(32)),
        salt=secrets.token_hex(4),
        cookie=Secret(secrets.token_hex(32)),
    )


def texts(identity: Identity, etc: pathlib.Path, listen: str = "") -> dict[str, str]:
    """Name → content of the files in ``etc``. ``listen``: an address for AMQP besides loopback."""
    return {
        "rabbitmq.conf": _CONFIGURATION.format(
            address=ADDRESS, ports=identity.ports, etc=etc, max_message=MAX_MESSAGE_BYTES, memory=MEMORY_LIMIT,
            administrator=ADMINISTRATOR, listeners=_listeners(listen, identity.ports.amqp)
        ),
        "rabbitmq-env.conf": "",
        "enabled_plugins": "[rabbitmq_management].\n",
        "definitions.json": _definitions(identity),
        ".erlang.cookie": identity.cookie.reveal(),
    }


def environment(ports: Ports, etc: pathlib.Path, var: pathlib.Path) -> dict[str, str]:
    """The whole environment of the node and its port mapper. Holds no secret: the cookie is found in ``HOME``."""
    return {
        "HOME": str(etc),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": NODE_NAME,
        # Without these two the machine's own settings in /etc/rabbitmq would be read.
        "RABBITMQ_CONF_ENV_FILE": str(etc / "rabbitmq-env.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(etc / "advanced.config"),
        "RABBITMQ_CONFIG_FILE": str(etc / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(etc / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(var / "data"),
        "RABBITMQ_LOG_BASE": str(var / "log"),
        # Two nodes on one machine must not bind their few schedulers to the same processors.
        "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +SDcpu 2:2 +SDio 4",
        # The script then becomes the Erlang machine instead of staying its parent.
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_DIST_PORT": str(ports.distribution),
        "ERL_EPMD_PORT": str(ports.epmd),
        "ERL_EPMD_ADDRESS": ADDRESS,
        # For every Erlang machine, so that the short-lived one which looks for epmd doesn't listen on all interfaces.
        "ERL_ZFLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        # A crash dump would hold the secrets of everybody who is connected.
        "ERL_CRASH_DUMP_SECONDS": "0",
    }


def _listeners(listen: str, port: int) -> str:
    every = bool(listen) and ipaddress.ip_address(listen).is_unspecified  # takes loopback with it
    addresses = dict.fromkeys([listen] if every else [ADDRESS, listen or ADDRESS])
    return "\n".join(f"listeners.ssl.{number} = {address}:{port}" for number, address in enumerate(addresses, 1))


def _definitions(identity: Identity) -> str:
    """The virtual host and its administrator, read at each start; with them the node makes no default login."""
    definitions = {
        "vhosts": [{"name": VIRTUAL_HOST}],
        "users": [
            {
                "name": ADMINISTRATOR,
                "password_hash": _hashed(identity.password, bytes.fromhex(identity.salt)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator",
            }
        ],
        "permissions": [{"user": ADMINISTRATOR, "vhost": VIRTUAL_HOST, "configure": ".*", "write": ".*", "read": ".*"}],
    }
    return msgspec.json.encode(definitions).decode()


def _hashed(password: Secret, salt: bytes) -> str:
    """RabbitMQ's form: base64(salt, SHA-256(salt, password)). One round is enough for 256 random bits."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.reveal().encode()).digest()).decode()
