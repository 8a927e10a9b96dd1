"""Parameters of datastore versions, and what operators say of them."""

import time
from dataclasses import replace

import falcon

from common.errors import Invalid, NotFound
from trove.db.views import Version
from trove.domain import rules
from trove.domain.parameters import Rejected
from trove.domain.rules import Rule

from .. import bodies
from ..description.declared import describe
from ..schemas import parameters as schemas
from ..services import Resource
from ..views import parameters as views
from .datastores import visible


class Parameters(Resource):
    @describe("List what can be set in a version", views.Parameters, refuses=(501,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str, version: str) -> None:
        caller = self.allowed(req, "configuration-parameter:index")
        row = visible(self.commands.get_version(version, datastore), caller)
        bodies.write(resp, views.parameters(self.commands.get_catalogue(row), row.id))


class Parameter(Resource):
    @describe("Show what can be set by its name", views.Parameter, refuses=(501,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str, version: str, parameter: str) -> None:
        caller = self.allowed(req, "configuration-parameter:show")
        row = visible(self.commands.get_version(version, datastore), caller)
        bodies.write(resp, _shown(self, row, parameter))


class OfVersionById(Resource):
    @describe("List what can be set in a version by its id", views.Parameters, refuses=(501,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str) -> None:
        caller = self.allowed(req, "configuration-parameter:index_by_version")
        row = visible(self.commands.get_version(version), caller)
        bodies.write(resp, views.parameters(self.commands.get_catalogue(row), row.id))


class OneOfVersionById(Resource):
    @describe("Show what can be set by its name and its version's id", views.Parameter, refuses=(501,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str, parameter: str) -> None:
        caller = self.allowed(req, "configuration-parameter:show_by_version")
        row = visible(self.commands.get_version(version), caller)
        bodies.write(resp, _shown(self, row, parameter))


class Rules(Resource):
    @describe("List all parameters of a version", views.ParameterRules, refuses=(501,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str) -> None:
        """Those that cannot be set, too."""
        self.allowed(req, "parameter-rule:index")
        row = self.commands.get_version(version)
        bodies.write(resp, views.ParameterRules(tuple(_rules(self, row).values())))

    @describe("Offer a parameter", views.ParameterRule, body=schemas.WriteRule, refuses=(501,))
    def on_post(self, req: falcon.Request, resp: falcon.Response, version: str) -> None:
        """One that the catalogue does not know, or that was withdrawn."""
        self.allowed(req, "parameter-rule:create")
        row = self.commands.get_version(version)
        made = self.commands.store_rule(row, _asked(req), new=True)
        bodies.write(resp, views.rule(made, row.id))


class OneRule(Resource):
    @describe("Show a parameter to an administrator", views.ParameterRule, refuses=(501,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str, parameter: str) -> None:
        self.allowed(req, "parameter-rule:show")
        row = self.commands.get_version(version)
        found = _rules(self, row).get(self.commands.get_catalogue(row).spelled(parameter))
        if found is None:
            raise NotFound(f"There is no parameter {parameter[:128]}.", "List those that there are.")
        bodies.write(resp, found)

    @describe("Change range and type of a parameter", views.ParameterRule, body=schemas.WriteRule, refuses=(501,))
    def on_put(self, req: falcon.Request, resp: falcon.Response, version: str, parameter: str) -> None:
        """What is left out of the range has no bound. Configurations that there are keep their values."""
        self.allowed(req, "parameter-rule:update")
        row, asked = self.commands.get_version(version), _asked(req)
        spelled = self.commands.get_catalogue(row).spelled
        if spelled(asked.name) != spelled(parameter):
            raise Invalid(f"The path names {parameter[:128]} and the body {asked.name}.", "Name one parameter.")
        bodies.write(resp, views.rule(self.commands.store_rule(row, asked, new=False), row.id))

    @describe("Withdraw a parameter", status=204, refuses=(501,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, version: str, parameter: str) -> None:
        """Nobody can set it then. Configurations that there are keep their values."""
        self.allowed(req, "parameter-rule:delete")
        row = self.commands.get_version(version)
        known = self.commands.get_catalogue(row)
        found = known.parameters.get(known.spelled(parameter))
        if found is None or found.refused:
            raise Invalid(f"There is no parameter {parameter[:128]} to withdraw.", "List those that there are.")
        self.commands.store_rule(row, replace(rules.of(found), deleted_at=time.time()), new=False)
        resp.status = 204


def _asked(req: falcon.Request) -> Rule:
    asked = bodies.read(req, schemas.WriteRule).rule
    return Rule(asked.name, asked.data_type, asked.restart_required == 1, _bound(asked.min_size),
                _bound(asked.max_size))


def _bound(given: int | float | str | None) -> int | float | None:
    if isinstance(given, str):
        return float(given) if "." in given else int(given)
    return given


def _shown(resource: Resource, row: Version, name: str) -> views.Parameter:
    try:
        return views.parameter(resource.commands.get_catalogue(row).find(name), row.id)
    except Rejected as error:
        raise NotFound(error.message, error.hint) from None


def _rules(resource: Resource, row: Version) -> dict[str, views.ParameterRule]:
    """By name: the operator's word, else the catalogue's."""
    catalogue = resource.commands.get_catalogue(row)
    stated = {each.name: each for each in resource.commands.list_rules(row)}
    return {name: views.rule(stated.get(name) or rules.of(each), row.id,
                             "" if name in stated else each.refused)
            for name, each in sorted(catalogue.parameters.items())}
