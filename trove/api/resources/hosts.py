"""Registered hosts: machines that carry instances, reached over SSH. An addition of ours, for operators."""

import time
from collections.abc import Callable
from typing import Annotated, Any

import falcon
from msgspec import Meta

from common.errors import Conflict, Invalid
from trove.domain.hosts import Host as Row
from trove.domain.hosts import HostState
from trove.providers.ssh import hostkeys

from .. import bodies
from ..description.declared import Query, describe
from ..hosts import HostDesk, Manned
from ..schemas import hosts
from ..services import Resource
from ..views import hosts as views

QUERY = (Query("address", hosts.Address, "Where the machine's sshd listens."),
         Query("port", Annotated[int, Meta(ge=1, le=65535)], "Its port; 22 when it is left out."))


class Hosts(Resource):
    @describe("List hosts", views.Hosts)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.allowed(req, "host:index")
        bodies.write(resp, views.Hosts(tuple(views.host(each) for each in self.services.hosts.all())))

    @describe("Register a host", views.OneHost, status=201, body=hosts.AddHost, refuses=(409,))
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """It is looked at then; what is wrong with it stands in ``problem``, and it takes no instance until a later
        look finds it well."""
        self.allowed(req, "host:create")
        asked = bodies.read(req, hosts.AddHost).host
        row = Row(name=asked.name, address=asked.address, port=asked.port, user=asked.user,
                  host_key=hostkeys.parsed(asked.host_key), listen_address=asked.listen_address or "",
                  state=HostState.ACTIVE, facts=None, problem="", checked_at=None, created=time.time())
        resp.status = 201
        bodies.write(resp, _one(contested(lambda: self.services.hosts.add(row))))


class Host(Resource):
    @describe("Show a host", views.OneHost)
    def on_get(self, req: falcon.Request, resp: falcon.Response, host: str) -> None:
        self.allowed(req, "host:show")
        bodies.write(resp, _one(self.services.hosts.get(host)))

    @describe("Forget a host", status=202, refuses=(409,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, host: str) -> None:
        """Refused while instances stand there. Nothing on the machine is touched."""
        self.allowed(req, "host:delete")
        contested(lambda: self.services.hosts.remove(host))
        resp.status = 202


class Action(Resource):
    @describe("Look at a host, drain it, take it into use again or give it up", views.OneHost, body=hosts.Act,
              refuses=(409, 503))
    def on_post(self, req: falcon.Request, resp: falcon.Response, host: str) -> None:
        """A host that is drained takes no new instance; what stands there stays. ``lose`` says that the machine is gone
        for good: what waits for it ends, its instances can be deleted without it, and with the last of them it is
        forgotten."""
        body = bodies.read(req, dict[str, Any])
        if len(body) != 1:
            raise Invalid(f"An action is one key, and the body has {len(body)}.", _choices())
        name, argument = body.popitem()
        if name not in ACTIONS:
            raise Invalid(f"There is no action {name[:64]!r} on a host.", _choices())
        self.allowed(req, f"host:{name}")
        if argument != {}:
            raise Invalid(f"Validation error: expected an empty object behind {name}.", f'Send {{"{name}": {{}}}}.')
        bodies.write(resp, _one(contested(lambda: ACTIONS[name](self.services.hosts, host))))


class OfferedKey(Resource):
    @describe("Show the host key of a machine", views.OfferedKey, query=QUERY, refuses=(503,))
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """As the machine shows it to the control plane: compare it before you register the machine with it."""
        self.allowed(req, "host:create")
        asked = bodies.convert(req.params, hosts.Where)
        key = self.services.hosts.offered_key(asked.address, asked.port)
        bodies.write(resp, views.OfferedKey(key, hostkeys.fingerprint(key)))


ACTIONS: dict[str, Callable[[HostDesk, str], Manned]] = {
    "check": lambda desk, name: desk.check(name),
    "drain": lambda desk, name: desk.set_state(name, HostState.DRAINING),
    "activate": lambda desk, name: desk.set_state(name, HostState.ACTIVE),
    "lose": lambda desk, name: desk.lose(name),
}


def contested(act: Callable[[], Any]) -> Any:
    """409 for what the register refuses."""
    try:
        return act()
    except Conflict as conflict:
        raise falcon.HTTPConflict(description=conflict.sentence()) from None


def _one(manned: Manned) -> views.OneHost:
    return views.OneHost(views.host(manned))


def _choices() -> str:
    return f"Choose one of: {', '.join(ACTIONS)}."
