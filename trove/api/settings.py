"""What an operator may set about the REST API."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.secret import Secret


@dataclass(frozen=True, slots=True)
class Settings:
    """The names are OpenStack Trove's options where it has one.

    ``*_page_size`` is both the default and the most that a page holds. ``rates`` gives requests a minute, project and
    verb (GET, POST, PUT, DELETE); a verb that is not in it is not limited. ``public_endpoint`` replaces scheme and host
    in links (``https://db.example.org``). ``disk_use_deadline`` is how many seconds a show waits for
    the guest's disk use. ``waiting_requests``: how many wait for events at the same time;
    ``guest_calls``: how many for guests.
    ``trusted_proxies`` are addresses of which X-Forwarded-For is believed.
    ``operator`` is the token of whoever may read the state directory; ``admin_roles`` make an administrator.
    ``agent_release`` is the hash of the release that new instances on this machine get.
    """

    auth_strategy: str = "noauth"
    admin_roles: tuple[str, ...] = ("admin",)
    trusted_proxies: tuple[str, ...] = ()
    operator: Secret | None = None
    region: str = "RegionOne"
    public_endpoint: str = ""
    instances_page_size: int = 20
    configurations_page_size: int = 20
    databases_page_size: int = 20
    users_page_size: int = 20
    operations_page_size: int = 20
    events_page_size: int = 100
    rates: Mapping[str, int] = field(default_factory=dict)
    disk_use_deadline: float = 2.0
    waiting_requests: int = 5
    guest_calls: int = 4
    agent_release: str = ""


DEFAULTS = Settings()
