"""The options of the control plane. What an agent is told stands in ``troveguest.config``; no option is in both.

They are read from ``<state directory>/trove.conf``, which need not be there: every option has a default that is right
for one machine. Where OpenStack Trove has an option for a thing, it has that name here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from oslo_config import cfg, types

from common.errors import Invalid

SAMPLE = "See docs/reference/trove.conf.sample."

API = [
    cfg.StrOpt("bind_host", default="127.0.0.1", help="Address that the REST API listens on."),
    cfg.PortOpt("bind_port", default=8779, help="TCP port of the REST API."),
    cfg.StrOpt("auth_strategy", default="noauth", choices=["noauth", "token", "keystone"],
               help="Who may use the REST API. noauth: everybody who reaches it, so it listens on loopback alone; "
                    "token: who has one that trovectl token create made; keystone: who has one of Keystone's, which "
                    "the section keystone_authtoken names."),
    cfg.ListOpt("admin_roles", default=["admin"], help="Roles whose holders are administrators of Trove."),
    cfg.StrOpt("tls_certificate", default="",
               help="PEM file with the API's certificate chain; own: the installation's private authority makes one; "
                    "empty: plain HTTP."),
    cfg.StrOpt("tls_key", default="", help="PEM file with the key of tls_certificate; empty: it stands there, too."),
    cfg.StrOpt("public_endpoint", default="", help="Scheme and host in links, if not those that were asked."),
    cfg.ListOpt("trusted_proxies", default=[], item_type=types.IPAddress(),
                help="Addresses of proxies in front of the API, whose X-Forwarded-For tells who asks, in the audit."),
    cfg.StrOpt("region", default="RegionOne", help="Name of this region in what the API shows."),
    cfg.IntOpt("api_threads", default=40, min=1, max=200,
               help="Requests that are worked on at once. Half of them may wait for events, two fifths for agents."),
    cfg.IntOpt("instances_page_size", default=20, min=1, max=1000, help="Most instances in one page of a list."),
    cfg.IntOpt("configurations_page_size", default=20, min=1, max=1000,
               help="Most configuration groups in one page of a list."),
    cfg.IntOpt("databases_page_size", default=20, min=1, max=1000, help="Most databases in one page of a list."),
    cfg.IntOpt("users_page_size", default=20, min=1, max=1000, help="Most users in one page of a list."),
    cfg.IntOpt("operations_page_size", default=20, min=1, max=1000, help="Most operations in one page of a list."),
    cfg.IntOpt("events_page_size", default=100, min=1, max=1000, help="Most events in one page of a list."),
    cfg.IntOpt("http_get_rate", default=0, min=0, help="GET requests a minute and project; 0: no limit."),
    cfg.IntOpt("http_post_rate", default=0, min=0, help="POST requests a minute and project; 0: no limit."),
    cfg.IntOpt("http_mgmt_post_rate", default=0, min=0,
               help="POST requests below /mgmt a minute and project; 0: no limit."),
    cfg.IntOpt("http_put_rate", default=0, min=0, help="PUT and PATCH requests a minute and project; 0: no limit."),
    cfg.IntOpt("http_delete_rate", default=0, min=0, help="DELETE requests a minute and project; 0: no limit."),
    cfg.FloatOpt("disk_use_deadline", default=2.0, min=0.1, max=30.0,
                 help="Seconds that showing an instance waits for its agent to tell the disk use."),
]

RULES = [
    cfg.StrOpt("default_datastore", default="mariadb", help="Datastore of an instance that is asked for without one."),
    cfg.BoolOpt("trove_volume_support", default=True, help="Whether an instance has a volume of its own."),
    cfg.IntOpt("max_accepted_volume_size", default=1024, min=1, help="Largest volume, in GB."),
    cfg.IntOpt("max_instances_per_tenant", default=10, min=-1, help="Instances of a project; -1: no limit."),
    cfg.IntOpt("max_ram_per_tenant", default=-1, min=-1, help="Memory of a project's instances, in MB; -1: no limit."),
    cfg.IntOpt("max_volumes_per_tenant", default=40, min=-1, help="Volumes of a project, in GB; -1: no limit."),
    cfg.IntOpt("max_backups_per_tenant", default=50, min=-1, help="Backups of a project; -1: no limit."),
]

UPKEEP = [
    cfg.IntOpt("operations_kept_days", default=30, min=0,
               help="Days that an operation is kept after its end, with all that was noted about it; 0: for ever. The "
                    "newest one of each instance is kept as long as the instance."),
    cfg.IntOpt("events_kept_days", default=30, min=0, help="Days that an event is kept; 0: for ever."),
    cfg.IntOpt("audit_kept_days", default=400, min=8,
               help="Days that a row of the audit is kept; the store itself refuses to let go of one within a week."),
]

LOG = [
    cfg.StrOpt("log_format", default="text", choices=["text", "json"], help="How log lines look."),
    cfg.StrOpt("log_level", default="info", choices=["info", "debug"], help="How much the log tells."),
    cfg.IntOpt("max_logfile_size_mb", default=20, min=1, help="Size in MB at which a new log file is begun."),
    cfg.IntOpt("max_logfile_count", default=5, min=1, help="Full log files that are kept beside the one in use."),
]

DATABASE = [
    cfg.StrOpt("connection", default="", secret=True,
               help="URL of the store (postgresql+psycopg://...); empty: SQLite in the state directory."),
]

FLOWS = [
    cfg.StrOpt("connection", default="", secret=True,
               help="URL of the store of running work; empty: SQLite in the state directory."),
]

BROKER = [
    cfg.StrOpt("host", default="", help="Host of a RabbitMQ that somebody else runs; empty: a private one is started."),
    cfg.PortOpt("port", default=5671, help="Its AMQP port, which must speak TLS."),
    cfg.PortOpt("management_port", default=15671, help="Port of its management interface."),
    cfg.BoolOpt("management_tls", default=True,
                help="Whether that speaks TLS. It may be left out where host is an address of loopback alone: the "
                     "passwords of all guests are sent to it."),
    cfg.StrOpt("virtual_host", default="/", help="Virtual host that is Trove's alone."),
    cfg.StrOpt("username", default="trove", help="A login with the tag administrator and rights in virtual_host; "
                                                     "the operator guide has the least ones."),
    cfg.StrOpt("password", default="", secret=True, help="Its password."),
    cfg.StrOpt("ca_file", default="", help="PEM file of the authority that vouches for the broker."),
    cfg.StrOpt("server_name", default="", help="Name in the broker's certificate; empty: host."),
    cfg.StrOpt("listen_address", default="",
               help="Address of this machine at which the private broker takes the agents of registered hosts, by AMQP "
                    "over TLS and nothing else; empty: it listens on loopback alone."),
    cfg.StrOpt("guest_address", default="",
               help="Name or address by which agents on registered hosts reach the broker; empty: listen_address, or "
                    "host where that is set."),
]

PROVIDER = [
    cfg.StrOpt("name", default="local", choices=["local", "ssh"],
               help="Where new instances go. local: on this machine; ssh: on registered hosts. Those that there are "
                    "stay where they are."),
    cfg.StrOpt("agent_release", default="",
               help="Directory of the agent release that instances are placed with; empty: the one that was installed "
                    "with this program."),
]

HOSTS = [
    cfg.StrOpt("identity_file", default="",
               help="Private key of OpenSSH, without a passphrase, that hosts are logged in to with; empty: one that "
                    "is made in the state directory (trovectl host key)."),
]

SECTIONS: dict[str, Sequence[cfg.Opt]] = {
    "DEFAULT": (*API, *RULES, *UPKEEP, *LOG), "database": DATABASE, "flows": FLOWS, "broker": BROKER,
    "provider": PROVIDER, "hosts": HOSTS,
}


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """The entry point ``oslo.config.opts``: the sample generator and the validator ask here."""
    return [(section, list(options)) for section, options in SECTIONS.items()]


def load(files: Sequence[Path]) -> cfg.ConfigOpts:
    """The options as ``files`` set them, the last file first. Files that are not there are left out.

    Raises Invalid with the file, the option and what it may be.
    """
    there = [str(file) for file in files if file.exists()]
    conf = cfg.ConfigOpts()
    for section, options in SECTIONS.items():
        conf.register_opts(options, group=None if section == "DEFAULT" else section)
    try:
        conf([], project="trove", default_config_files=there, default_config_dirs=[])
    except cfg.ConfigFileParseError as error:
        raise Invalid(f"{error.config_file} cannot be read: {str(error.msg).removeprefix('at ')}.", SAMPLE) from None
    for section, options in SECTIONS.items():
        for option in options:
            _check(conf if section == "DEFAULT" else conf[section], section, option.name, " or ".join(there))
    return conf


def _check(section: Mapping[str, object], name: str, option: str, files: str) -> None:
    """oslo.config finds out only when the option is read, and its own words show how it keeps places."""
    try:
        _ = section[option]
    except (cfg.ConfigFileValueError, ValueError) as error:
        reason = str(error).rpartition(" is not valid: ")[2]
        raise Invalid(f"Option {option} in section [{name}] of {files} cannot be used: {reason}.", SAMPLE) from None
