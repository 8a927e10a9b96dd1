"""Datastores and their versions."""

import falcon

from common.errors import NotFound
from trove.db import views as rows

from .. import bodies
from ..context import Caller
from ..description.declared import describe
from ..services import Resource
from ..views import datastores as views
from ..views import flavors


class Datastores(Resource):
    @describe("List datastores", views.Datastores)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller, base = self.allowed(req, "datastore:index"), self.base(req)
        items = tuple(views.datastore(row, base, caller) for row in self.commands.list_datastores())
        bodies.write(resp, views.Datastores(items))


class Datastore(Resource):
    @describe("Show a datastore", views.OneDatastore)
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str) -> None:
        caller = self.allowed(req, "datastore:show")
        row = self.commands.get_datastore(datastore)
        bodies.write(resp, views.OneDatastore(views.datastore(row, self.base(req), caller)))


class Versions(Resource):
    @describe("List the versions of a datastore", views.Versions)
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str) -> None:
        caller, base = self.allowed(req, "datastore:version_index"), self.base(req)
        versions = views.shown(self.commands.get_datastore(datastore).versions, caller)
        bodies.write(resp, views.Versions(tuple(views.version(row, base, caller) for row in versions)))


class Version(Resource):
    @describe("Show a version of a datastore", views.OneVersion)
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str, version: str) -> None:
        caller = self.allowed(req, "datastore:version_show")
        row = visible(self.commands.get_version(version, datastore), caller)
        bodies.write(resp, views.OneVersion(views.version(row, self.base(req), caller)))


class VersionByUuid(Resource):
    @describe("Show a version by its id", views.OneVersion)
    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str) -> None:
        caller = self.allowed(req, "datastore:version_show_by_uuid")
        row = visible(self.commands.get_version(version), caller)
        bodies.write(resp, views.OneVersion(views.version(row, self.base(req), caller)))


class VersionFlavors(Resource):
    @describe("List the flavors for a version", flavors.Flavors)
    def on_get(self, req: falcon.Request, resp: falcon.Response, datastore: str, version: str) -> None:
        caller, base = self.allowed(req, "datastore:list_associated_flavors"), self.base(req)
        visible(self.commands.get_version(version, datastore), caller)
        bodies.write(resp, flavors.Flavors(tuple(flavors.flavor(row, base) for row in self.commands.list_flavors())))


def visible(row: rows.Version, caller: Caller) -> rows.Version:
    """Raises NotFound for a version that is switched off, unless an administrator asks."""
    if row in views.shown((row,), caller):
        return row
    raise NotFound(f"Datastore version {row.name} could not be found.")
