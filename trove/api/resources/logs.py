"""Logs of an instance: listed, switched and read, also while its server is down."""

import re
from typing import Annotated

import falcon
from msgspec import Meta

from common.contract import types as t
from common.errors import Invalid, Unsupported

from .. import bodies, waits
from ..description.declared import Query, describe
from ..guests import Guest
from ..schemas import logs
from ..views import logs as views
from .events import PATIENCE, wait_of
from .served import REFUSES, Served

CHUNK = 2**16
LONGEST = 80
"""Characters of a position: an agent's have 50 at most."""
EVERY = 1.0
"""Seconds between two looks for what is new in a log; its growth is announced to nobody."""

_NUMBER = re.compile("0{0,9}[1-9][0-9]{0,8}")

QUERY = (
    Query("after", Annotated[str, Meta(max_length=LONGEST, examples=["265537:4711:1203948576"])],
          "The position that the answer before had; `start` for the oldest line that there is. Without it: the last "
          "lines that fit."),
    Query("limit", Annotated[int, Meta(ge=1, le=10**9 - 1, examples=[CHUNK])],
          f"How many bytes of the log at most; never more than {CHUNK}."),
    Query("wait", Annotated[float, Meta(ge=0, le=PATIENCE, examples=[20])],
          f"Where there is nothing, wait for more for so many seconds, {waits.LONGEST:.0f} at most. When too many "
          "wait already, the answer comes early and is empty: pause before you ask again."),
)


class Logs(Served):
    @describe("List the logs of an instance", views.Logs, refuses=REFUSES)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        inside = self.inside(req, instance_id, "logs", "instance:guest_log_list", serving=False)
        bodies.write(resp, views.Logs(tuple(map(views.log, inside.guest.list_logs()))))

    @describe("Show a log, or switch it on or off", views.OneLog, body=logs.LogAction, refuses=REFUSES)
    def on_post(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        """Switched on, it stays so over restarts until it is switched off."""
        inside = self.inside(req, instance_id, "logs", "instance:guest_log_set", serving=False)
        asked = bodies.read(req, logs.LogAction)
        if asked.enable and asked.disable:
            raise Invalid("A log is enabled or disabled, not both.", "Leave one out.")
        found = _find(inside.guest, asked.name)
        if asked.publish or asked.discard:
            raise Unsupported("Logs are not published here: there is no object store.",
                              "Read them with trovectl logs, or GET …/log/NAME.")
        if asked.enable or asked.disable:
            inside.guest.set_log(name=asked.name, enabled=bool(asked.enable))
            found = _find(inside.guest, asked.name)
        bodies.write(resp, views.OneLog(views.log(found)))


class Log(Served):
    @describe("Read a piece of a log, or wait for the next one", views.OneChunk, query=QUERY, refuses=REFUSES)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str, log: str) -> None:
        """Whoever asks for what is behind the position that the last answer had misses nothing, or is told so."""
        inside = self.inside(req, instance_id, "logs", "instance:guest_log_list", serving=False, waits=True)
        after, limit, wait = _after(req), _limit(req), wait_of(req)
        found = self.services.waits.until(
            lambda: inside.guest.read_log(name=log, after=after, limit=limit),
            lambda chunk: bool(chunk.text) or chunk.lost, wait, project=inside.caller.project_id, every=EVERY)
        bodies.write(resp, views.OneChunk(views.chunk(found)))


def _find(guest: Guest, name: str) -> t.Log:
    """Raises Invalid, as OpenStack Trove does."""
    known = {log.name: log for log in guest.list_logs()}
    if name not in known:
        raise Invalid(f"There is no log {name[:80]!r}.", f"There are: {', '.join(known)}.")
    return known[name]


def _after(req: falcon.Request) -> str:
    """Raises Invalid."""
    text: str = req.get_param("after", default="")
    if len(text) > LONGEST:
        raise Invalid(f"{text[:LONGEST]!r}… is no position in a log.", "Take one that an answer had.")
    return text


def _limit(req: falcon.Request) -> int:
    """Raises Invalid."""
    text = req.get_param("limit", default=str(CHUNK))
    if _NUMBER.fullmatch(text) is None:
        raise Invalid(f"{text[:40]!r} is no number of bytes from 1 on.")
    return min(int(text), CHUNK)
