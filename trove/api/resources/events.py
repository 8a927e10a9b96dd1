"""Events: what happened, from an id on; who follows waits for the next ones."""

import math
from typing import Annotated

import falcon
from msgspec import Meta

from common.errors import Invalid

from .. import bodies, paging, waits
from ..description.declared import PAGED, Query, describe
from ..services import Resource
from ..views import events as views

_LIMIT, _ = PAGED

PATIENCE = 1e9
"""Seconds that somebody may say that he waits."""
AFTER = Query("after", Annotated[int, Meta(ge=0, le=10**18 - 1, examples=[4711])],
              "Only those behind the one with this id.")
SINCE = Query("since", Annotated[str, Meta(examples=["2026-08-01T12:00:00"])],
              "Only those from this time on, in ISO 8601; UTC where it names no zone.")
OWN_QUERY = (
    _LIMIT, AFTER, SINCE,
    Query("wait", Annotated[float, Meta(ge=0, le=PATIENCE, examples=[20])],
          f"Where there is none, wait for the next one for so many seconds, {waits.LONGEST:.0f} at most. When too many "
          "wait already, the answer comes early and is empty: pause before you ask again."),
)
QUERY = (*OWN_QUERY, Query("instance", Annotated[str, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])],
                           "Only events of the instance with this id, which may be deleted."))
FILTERS = ("instance", "since")


class Listing(Resource):
    def write_page(self, req: falcon.Request, resp: falcon.Response, instance_id: str | None) -> None:
        caller = self.allowed(req, "event:index")
        project = caller.project_id if instance_id is None else caller.scope
        limit = paging.limit(req, self.settings.events_page_size)
        after, since, wait = paging.after(req), paging.since(req), wait_of(req)
        page = self.services.waits.until(
            lambda: self.commands.page_events(project, limit, after, since=since, instance_id=instance_id),
            lambda page: bool(page.items), wait, project=caller.project_id)
        items = tuple(views.event(row, caller) for row in page.items)
        further = paging.link(req, self.base(req), page.next_marker, *FILTERS, marker="after")
        bodies.write(resp, views.EventPage(items, further))


class Events(Listing):
    @describe("List the events of a project, or wait for the next ones", views.EventPage, query=QUERY, refuses=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The oldest first. Ids rise in the order in which events can be seen: who asks for what is behind the last id
        that he has seen misses nothing.
        """
        self.write_page(req, resp, req.get_param("instance"))


class OfInstance(Listing):
    @describe("List the events of an instance, or wait for the next ones", views.EventPage, query=OWN_QUERY)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        """Also of an instance that is deleted."""
        self.write_page(req, resp, instance_id)


def wait_of(req: falcon.Request) -> float:
    """Seconds. Raises Invalid."""
    text = req.get_param("wait", default="0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= PATIENCE:
        raise Invalid(f"{text[:40]!r} is not a number of seconds to wait.")
    return seconds
