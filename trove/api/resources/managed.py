"""Versions of datastores, for operators: registered with the place of their programs, which is looked at first."""

from pathlib import Path

import falcon

from common.errors import Invalid, NotFound
from trove.db import versions
from trove.providers.ssh import looking

from .. import bodies
from ..description.declared import describe
from ..schemas import managed as schemas
from ..services import Resource
from ..views import managed as views


class Versions(Resource):
    @describe("List the versions of all datastores", views.ManagedVersions)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Those that are switched off, too."""
        self.allowed(req, "datastore-version:index")
        rows = self.commands.list_versions()
        bodies.write(resp, views.ManagedVersions(tuple(views.version(row, default) for row, default in rows)))

    @describe("Register a version of a datastore", status=202, body=schemas.AddVersion)
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The server at ``binaries`` must say that it is of this version. Where this machine has nothing there,
        registered hosts are asked at their next look, and those that have it get its instances."""
        self.allowed(req, "datastore-version:create")
        asked = bodies.read(req, schemas.AddVersion).version
        wanted = versions.NewVersion(
            asked.datastore_name, asked.datastore_manager or asked.datastore_name, asked.name,
            asked.version or asked.name, asked.binaries or "", asked.active, asked.default)
        versions.check(wanted)
        if wanted.binaries:
            _look(wanted, bool(self.services.hosts.all()))
        self.commands.register_version(wanted)
        resp.status = 202


class Version(Resource):
    @describe("Show a version to an administrator", views.OneManagedVersion)
    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str) -> None:
        self.allowed(req, "datastore-version:show")
        for row, default in self.commands.list_versions():
            if row.id == version:
                bodies.write(resp, views.OneManagedVersion(views.version(row, default)))
                return
        raise NotFound(f"Datastore version {version} could not be found.", "List those that there are.")

    @describe("Change a version", status=202, body=schemas.ChangeVersion)
    def on_patch(self, req: falcon.Request, resp: falcon.Response, version: str) -> None:
        """Its number and its programs stay: instances have them. Nobody can choose one that is not active."""
        self.allowed(req, "datastore-version:update")
        asked = bodies.read(req, schemas.ChangeVersion)
        self.commands.change_version(version, asked.name, asked.active, default=asked.default)
        resp.status = 202

    @describe("Forget a version", status=202, refuses=(400,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, version: str) -> None:
        """Refused once instances were made of it. Nothing on any machine is touched."""
        self.allowed(req, "datastore-version:delete")
        self.commands.remove_version(version)
        resp.status = 202


def _look(wanted: versions.NewVersion, hosted: bool) -> None:
    """Raises Invalid for programs that are another version's or none. ``hosted``: hosts may have them."""
    if not Path(wanted.binaries).exists() and hosted:
        return
    told = looking.told(wanted.manager, wanted.binaries)
    if not told:
        raise Invalid(f"There is no server of {wanted.manager} in {wanted.binaries} that every user can run.",
                      "Name the directory that was unpacked or installed, and let all users read it.")
    if told != wanted.number:
        raise Invalid(f"The server in {wanted.binaries} is {wanted.manager} {told} and not {wanted.number}.",
                      "Name its own version, or another directory.")
