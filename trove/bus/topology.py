"""What stands on the broker for the control plane and for each guest, and the guest's login with its rights.

Declared over the management interface throughout: logins can be made nowhere else, and one way is enough.
"""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from common.secret import Secret

from . import names
from .admin import Admin

# An agent holds one connection with a few channels, and for a while also a dead one that the broker still believes in.
GUEST_CONNECTIONS = 4
GUEST_CHANNELS = 32

_UP = ("guest.", ".up")
_QUEUE = "guestagent."


class GuestTopology:
    """Everything is idempotent. Raises Unreachable while the broker is away."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    def prepare(self) -> None:
        """The exchanges that all share. To be called when a control plane starts."""
        self._admin.put_exchange(names.GUESTS_EXCHANGE)
        self._admin.put_exchange(names.EVENTS_EXCHANGE)

    def create(self, instance_id: str, logins: Mapping[int, Secret]) -> None:
        """The guest's queues, exchange and logins; repairs what is missing and sets these passwords, by epoch.

        What needs nothing of one another is made side by side, as somebody waits. The rights come last, so a guest
        that gets in finds everything it may use."""
        queue, reports = _queues(instance_id)

        def orders() -> None:
            self._admin.put_exchange(names.GUESTS_EXCHANGE)
            self._admin.put_queue(queue)
            self._admin.bind(names.GUESTS_EXCHANGE, queue, queue)

        def answers() -> None:
            self._admin.put_exchange(reports)
            self._admin.put_queue(reports, names.REPORTS_ARGUMENTS)
            self._admin.bind(reports, reports, names.CONDUCTOR_KEY)

        def accounts() -> None:
            for epoch, password in logins.items():
                login = names.login(instance_id, epoch)
                self._admin.put_user(login, password)
                self._admin.limit(login, connections=GUEST_CONNECTIONS, channels=GUEST_CHANNELS)

        with ThreadPoolExecutor(3) as together:
            for done in [together.submit(make) for make in (orders, answers, accounts)]:
                done.result()
        for epoch in logins:
            self._admin.permit(names.login(instance_id, epoch), **names.permissions(instance_id))

    def close_former(self, instance_id: str, epoch: int) -> None:
        """The guest's logins but that of ``epoch`` go, and their connections with them."""
        kept = names.login(instance_id, epoch)
        for login in names.logins_of(instance_id, self._admin.users()):
            if login != kept:
                self._admin.delete_user(login)

    def shut_out(self, instance_ids: Collection[str]) -> None:
        """All logins of these guests go, and their connections with them; their queues stay."""
        for login in self._admin.users():
            if names.owner(login) in instance_ids:
                self._admin.delete_user(login)

    def delete(self, instance_id: str) -> None:
        """The logins go first: that cuts the guest's connections, and nothing is written to what goes next."""
        queue, reports = _queues(instance_id)
        for login in names.logins_of(instance_id, self._admin.users()):
            self._admin.delete_user(login)
        self._admin.delete_exchange(reports)
        self._admin.delete_queue(reports)
        self._admin.delete_queue(queue)

    def exists(self, instance_id: str) -> bool:
        """Whether anything of the guest is there."""
        return instance_id in self.known()

    def lacking(self, instance_ids: Iterable[str]) -> frozenset[str]:
        """Those of them of which anything is missing; bindings and rights are not looked at."""
        queues, exchanges = self._admin.queues(), self._admin.exchanges()
        served = {names.owner(user) for user in self._admin.users()}

        def has_all(instance_id: str) -> bool:
            queue, reports = _queues(instance_id)
            return instance_id in served and {queue, reports} <= queues and reports in exchanges

        return frozenset(each for each in instance_ids if not has_all(each))

    def known(self) -> frozenset[str]:
        """Ids of all instances that have anything on the broker."""
        logins = frozenset(owner for user in self._admin.users() if (owner := names.owner(user)) is not None)
        queues = self._admin.queues()
        reports = _inner(queues | self._admin.exchanges(), *_UP)
        return logins | reports | _inner(queues, _QUEUE, "")


def _queues(instance_id: str) -> tuple[str, str]:
    return names.guest_queue(instance_id), names.reports(instance_id)


def _inner(texts: frozenset[str], before: str, behind: str) -> frozenset[str]:
    """What stands between ``before`` and ``behind`` in those texts that have both."""
    found = (text for text in texts if text.startswith(before) and text.endswith(behind))
    return frozenset(text.removeprefix(before).removesuffix(behind) for text in found)
