"""Databases of an instance."""

import falcon

from common.contract import types as t
from common.errors import Exists, Invalid, Unsupported
from trove.domain import creation

from .. import bodies, paging
from ..description.declared import PAGED, describe
from ..guests import Guest
from ..schemas import databases
from ..views import users as views
from .served import REFUSES, Served

_WHOLE_PAGE = 1000


class Databases(Served):
    @describe("List the databases of an instance", views.DatabasePage, query=PAGED, refuses=REFUSES)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        inside = self.inside(req, instance_id, "databases", "instance:extension:database:index")
        limit = paging.limit(req, self.settings.databases_page_size)
        page = inside.guest.list_databases(page=t.PageRequest(limit=limit, marker=paging.name_marker(req)))
        items = tuple(views.Database(row.name) for row in page.items)
        bodies.write(resp, views.DatabasePage(items, paging.name_link(req, self.base(req), page.next_marker)))

    @describe("Create databases", status=202, body=databases.CreateDatabases, refuses=REFUSES)
    def on_post(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        inside = self.inside(req, instance_id, "databases", "instance:extension:database:create")
        wanted = tuple(each.wanted() for each in bodies.read(req, databases.CreateDatabases).databases)
        creation.check_databases(wanted, inside.manifest)
        known = names(inside.guest)
        for database in wanted:
            if database.name in known:
                raise Exists(f"There is a database {database.name} already.", "Choose another name.")
        inside.guest.ensure_databases(databases=wanted)
        resp.status = 202


class Database(Served):
    @describe("Show a database", status=None, refuses=REFUSES)
    def on_get(self, req: falcon.Request, _resp: falcon.Response, instance_id: str, database: str) -> None:
        self.inside(req, instance_id, "databases", "instance:extension:database:show")
        raise Unsupported(f"There is nothing to show of database {database} alone.", "List the databases.")

    @describe("Delete a database", status=202, refuses=REFUSES)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, instance_id: str, database: str) -> None:
        inside = self.inside(req, instance_id, "databases", "instance:extension:database:delete")
        if req.query_string:
            raise Invalid("A database is deleted without a query.", "Write a ? in its name as %3F.")
        inside.refuse_reserved_database(database)
        inside.guest.delete_database(name=database)
        resp.status = 202


def names(guest: Guest) -> frozenset[str]:
    """All databases of an instance."""
    found: set[str] = set()
    page = guest.list_databases(page=t.PageRequest(limit=_WHOLE_PAGE))
    found.update(row.name for row in page.items)
    while page.next_marker is not None:
        page = guest.list_databases(page=t.PageRequest(limit=_WHOLE_PAGE, marker=page.next_marker))
        found.update(row.name for row in page.items)
    return frozenset(found)
