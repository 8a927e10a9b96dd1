"""The audit: who asked for what, when, from where, with which outcome. An addition of ours."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, get_args

import falcon
import msgspec
from msgspec import Meta

from common.errors import Invalid
from trove.db.views import Audited, Project, Scope

from .. import bodies, paging
from ..description.declared import PAGED, Query, describe
from ..services import Resource
from ..views import audit as views
from .events import AFTER, SINCE

LINES = "application/x-ndjson"
_ALL = 10**18
_CHUNK = 1 << 15
_LINKS = 20
"""In a page: of up to 1000 rows each, which are read again."""
FILTERS = ("since", "instance", "user", "outcome")
QUERY = (
    PAGED[0], AFTER, SINCE,
    Query("instance", Annotated[str, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])],
          "Only about the instance with this id, which may be deleted."),
    Query("user", Annotated[str, Meta(examples=["token:nightly tests"])], "Only what this user asked for."),
    Query("outcome", Annotated[views.Outcome, Meta(examples=["refused"])], "Only what ended so."),
)


class Listing(Resource):
    def write_rows(self, req: falcon.Request, resp: falcon.Response, project: Project) -> None:
        """A page, or all of them as lines when the client wants these."""
        narrow = {"since": paging.since(req), "instance_id": req.get_param("instance"),
                  "user_id": req.get_param("user"), "ended": _outcome(req)}
        after = paging.after(req)
        if LINES in (req.get_header("Accept") or ""):
            resp.content_type = LINES
            resp.stream = _lines(self.services.audit.rows(project, paging.limit(req, _ALL), after, **narrow))
        else:
            self._write_page(req, resp, project, after, narrow)

    def _write_page(self, req: falcon.Request, resp: falcon.Response, project: Project, after: int,
                    narrow: dict[str, Any]) -> None:
        page = self.services.audit.page(project, paging.limit(req, self.settings.events_page_size), after, **narrow)
        further = paging.link(req, self.base(req), page.next_marker, *FILTERS, marker="after")
        bodies.write(resp, views.AuditPage(tuple(views.row(each) for each in page.items), further))


class OfProject(Listing):
    @describe("List who asked for what in a project", views.AuditPage, query=QUERY)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The oldest first. A request that changes something has its row before it is worked on; of looks, those are
        here that were refused, once a minute of the same. With `Accept: application/x-ndjson` it is all rows, or
        ``limit`` of them, each as a JSON document on a line.
        """
        self.write_rows(req, resp, self.allowed(req, "audit:index").project_id)


class OfAll(Listing):
    @describe("List who asked for what in all projects", views.AuditPage, query=QUERY)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The same, for administrators."""
        self.allowed(req, "audit:index:all_projects")
        self.write_rows(req, resp, Scope.EVERY_PROJECT)


class Chain(Resource):
    @describe("Hold the rows of the audit against its chain", views.ChainPage, query=(PAGED[0], AFTER))
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Rows come into the chain when they are ten minutes old, some together: a link has a digest of them and of the
        link before. Each link of a page, the oldest first, is looked at anew."""
        self.allowed(req, "audit:verify")
        page = self.services.chain.page(min(paging.limit(req, _LINKS), _LINKS), paging.after(req))
        further = paging.link(req, self.base(req), page.next_marker, marker="after")
        bodies.write(resp, views.ChainPage(tuple(views.link(each) for each in page.items), further))


def _outcome(req: falcon.Request) -> str | None:
    """Raises Invalid."""
    asked: str | None = req.get_param("outcome")
    if asked is not None and asked not in get_args(views.Outcome):
        raise Invalid(f"There is no outcome {asked[:40]!r}.", f"Choose one of: {', '.join(get_args(views.Outcome))}.")
    return asked


def _lines(rows: Iterable[Audited]) -> Iterator[bytes]:
    """JSON documents with a line end behind each, some thousand bytes at once."""
    chunk = bytearray()
    for row in rows:
        chunk += msgspec.json.encode(views.row(row)) + b"\n"
        if len(chunk) >= _CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)
