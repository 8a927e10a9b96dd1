"""Operations: what was done to instances and how far it is; failed ones are retried, those under way called off."""

from collections.abc import Callable
from typing import Any, Literal

import falcon

from common.errors import Conflict, Invalid
from trove.db import views as rows
from trove.domain.kinds import KINDS

from .. import bodies, paging
from ..context import Caller
from ..description.declared import PAGED, Query, describe
from ..schemas import operations
from ..services import Resource
from ..views import operations as views

FILTERS: dict[str, tuple[str, ...]] = {"state": rows.OPERATION_STATES, "kind": tuple(KINDS)}
"""Query parameters, and what each may be."""

QUERY = (*PAGED, Query("state", Literal[rows.OPERATION_STATES], "Only operations in this state."),
         Query("kind", Literal[tuple(KINDS)], "Only operations of this kind."))

Act = Callable[[Caller, str], rows.Operation]


class Listing(Resource):
    def write_page(self, req: falcon.Request, resp: falcon.Response, instance_id: str | None = None) -> None:
        caller = self.allowed(req, "operation:index")
        project = caller.project_id if instance_id is None else caller.scope
        limit, marker = paging.limit(req, self.settings.operations_page_size), paging.marker(req)
        only = {name: _choice(req, name) for name in FILTERS}
        page = self.commands.page_operations(project, limit, marker, instance_id=instance_id, **only)
        base = self.base(req)
        items = tuple(views.operation(row, base, caller) for row in page.items)
        bodies.write(resp, views.OperationPage(items, paging.link(req, base, page.next_marker, *FILTERS)))


class Operations(Listing):
    @describe("List the operations of a project", views.OperationPage, query=QUERY)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.write_page(req, resp)


class OfInstance(Listing):
    @describe("List the operations of an instance", views.OperationPage, query=QUERY)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        """Also of an instance that is deleted."""
        self.write_page(req, resp, instance_id)


class Operation(Resource):
    @describe("Show an operation", views.OneOperation)
    def on_get(self, req: falcon.Request, resp: falcon.Response, operation_id: str) -> None:
        caller = self.allowed(req, "operation:show")
        row = self.commands.get_operation(caller.scope, operation_id)
        bodies.write(resp, views.OneOperation(views.operation(row, self.base(req), caller)))

    @describe("Retry an operation, or call it off", views.OneOperation, status=202, body=operations.Act,
              refuses=(409, 422))
    def on_post(self, req: falcon.Request, resp: falcon.Response, operation_id: str) -> None:
        """``{"retry": {}}`` answers with the new operation, ``{"cancel": {}}`` with the one that is called off."""
        body = bodies.read(req, dict[str, Any])
        if len(body) != 1:
            raise Invalid(f"An action is one key, and the body has {len(body)}.", self._choices())
        name, argument = body.popitem()
        act = self._action(name)
        caller = self.allowed(req, f"operation:{name}")
        if argument != {}:
            raise Invalid(f"Validation error: expected an empty object behind {name}.", f'Send {{"{name}": {{}}}}.')
        try:
            row = act(caller, operation_id)
        except Conflict as conflict:
            raise falcon.HTTPConflict(description=conflict.sentence()) from None
        resp.status = 202
        bodies.write(resp, views.OneOperation(views.operation(row, self.base(req), caller)))

    def _retry(self, caller: Caller, operation_id: str) -> rows.Operation:
        return self.commands.retry(caller.scope, operation_id, request_id=caller.request_id, once=caller.once)

    def _cancel(self, caller: Caller, operation_id: str) -> rows.Operation:
        return self.commands.cancel(caller.scope, operation_id, by=caller.user_id, once=caller.once)

    def _action(self, name: str) -> Act:
        """Raises Invalid."""
        try:
            return self._actions()[name]
        except KeyError:
            raise Invalid(f"There is no action {name[:64]!r} on an operation.", self._choices()) from None

    def _actions(self) -> dict[str, Act]:
        return {"retry": self._retry, "cancel": self._cancel}

    def _choices(self) -> str:
        return f"Choose one of: {', '.join(self._actions())}."


def _choice(req: falcon.Request, name: str) -> str | None:
    """Raises Invalid."""
    value: str | None = req.get_param(name)
    if value is not None and value not in FILTERS[name]:
        raise Invalid(f"There is no {name} {value[:64]!r} here.", f"Choose one of: {', '.join(FILTERS[name])}.")
    return value
