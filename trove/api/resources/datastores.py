"""Datastores and their versions."""

import falcon

from common.errors import NotFound
from trove.db import views as rows

from .. import bodies, views
from ..context import Caller
from ..services import Resource


class Datastores(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller, base = self.allowed(req, "datastore:index"), self.base(req)
        items = [views.datastore(row, base, caller) for row in self.commands.list_datastores()]
        bodies.write(resp, {"datastores": items})


class Datastore(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str) -> None:
        caller = self.allowed(req, "datastore:show")
        row = self.commands.get_datastore(datastore)
        bodies.write(resp, {"datastore": views.datastore(row, self.base(req), caller)})


class Versions(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str) -> None:
        caller, base = self.allowed(req, "datastore:version_index"), self.base(req)
        versions = views.shown(self.commands.get_datastore(datastore).versions, caller)
        bodies.write(resp, {"versions": [views.version(row, base, caller) for row in versions]})


class Version(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str, version: str) -> None:
        caller = self.allowed(req, "datastore:version_show")
        row = visible(self.commands.get_version(version, datastore), caller)
        bodies.write(resp, {"version": views.version(row, self.base(req), caller)})


class VersionByUuid(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str) -> None:
        caller = self.allowed(req, "datastore:version_show_by_uuid")
        row = visible(self.commands.get_version(version), caller)
        bodies.write(resp, {"version": views.version(row, self.base(req), caller)})


class VersionFlavors(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str, version: str) -> None:
        caller, base = self.allowed(req, "datastore:list_associated_flavors"), self.base(req)
        visible(self.commands.get_version(version, datastore), caller)
        bodies.write(resp, {"flavors": [views.flavor(row, base) for row in self.commands.list_flavors()]})


def visible(row: rows.Version, caller: Caller) -> rows.Version:
    """Raises NotFound for a version that is switched off, unless an administrator asks."""
    if row in views.shown((row,), caller):
        return row
    raise NotFound(f"Datastore version {row.name} could not be found.")
