"""``POST /instances/{id}/action``: one key, which names the action."""

from collections.abc import Callable
from typing import Any

import falcon

from common.errors import Invalid, Unsupported

from .. import bodies
from ..description.declared import describe
from ..schemas import instances
from ..services import Resource

_NOT_YET = ("resize", "promote_to_replica_source", "eject_replica_source")


class Action(Resource):
    @describe("Restart an instance, reset its status, upgrade its agent, or change its keys", status=202,
              body=instances.InstanceAction, refuses=(422, 501))
    def on_post(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        body = bodies.read(req, dict[str, Any])
        if len(body) != 1:
            raise Invalid(f"An action is one key, and the body has {len(body)}.", self._choice())
        name, argument = body.popitem()
        self._action(name)(req, instance_id, argument)
        resp.status = 202

    def _restart(self, req: falcon.Request, instance_id: str, argument: object) -> None:
        caller = self.allowed(req, "instance:restart")
        _no_argument("restart", argument)
        self.commands.restart(caller.scope, instance_id, request_id=caller.request_id, once=caller.once)

    def _reset_status(self, req: falcon.Request, instance_id: str, argument: object) -> None:
        forced = isinstance(argument, dict) and "force_delete" in argument
        caller = self.allowed(req, "instance:force_delete" if forced else "instance:reset_status")
        _no_argument("reset_status", argument)
        self.commands.reset_status(caller.scope, instance_id, once=caller.once)

    def _upgrade_agent(self, req: falcon.Request, instance_id: str, argument: object) -> None:
        """An addition of ours."""
        caller = self.allowed(req, "instance:upgrade_agent")
        _no_argument("upgrade_agent", argument)
        assert isinstance(argument, dict)
        release = bodies.convert(argument, instances.UpgradeAgent).release
        self.commands.upgrade_agent(caller.scope, instance_id, release, request_id=caller.request_id, once=caller.once)

    def _rotate_keys(self, req: falcon.Request, instance_id: str, argument: object) -> None:
        """An addition of ours."""
        caller = self.allowed(req, "instance:rotate_keys")
        _no_argument("rotate_keys", argument)
        self.commands.rotate_keys(caller.scope, instance_id, request_id=caller.request_id, once=caller.once)

    def _action(self, name: str) -> Callable[[falcon.Request, str, object], None]:
        """Raises Invalid, or Unsupported for an action of OpenStack Trove that is not there yet."""
        if name in _NOT_YET:
            raise Unsupported(f"The action {name} is not supported here.", self._choice())
        try:
            return self._actions()[name]
        except KeyError:
            raise Invalid(f"There is no action {name[:64]!r}.", self._choice()) from None

    def _actions(self) -> dict[str, Callable[[falcon.Request, str, object], None]]:
        return {"restart": self._restart, "reset_status": self._reset_status,
                "upgrade_agent": self._upgrade_agent, "rotate_keys": self._rotate_keys}

    def _choice(self) -> str:
        return f"Choose one of: {', '.join(self._actions())}."


def _no_argument(name: str, argument: object) -> None:
    if not isinstance(argument, dict):
        raise Invalid(f"Validation error: expected an object behind {name}.", f'Send {{"{name}": {{}}}}.')
