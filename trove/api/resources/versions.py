"""The documents that need no project: which versions there are, and whether the process answers."""

from typing import Any

import falcon

from .. import bodies
from ..services import Resource


class Versions(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        bodies.write(resp, {"versions": [_document(req, self.settings.public_endpoint)]})


class Version(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        bodies.write(resp, {"version": _document(req, self.settings.public_endpoint)})


class Healthcheck:
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.data = b"OK"

    on_head = on_get  # what balances load often asks no more than this


def _document(req: falcon.Request, public_endpoint: str) -> dict[str, Any]:
    """Its link keeps the scheme of the request, since clients follow it."""
    origin = public_endpoint.rstrip("/") or f"{req.scheme}://{req.netloc}"
    return {"id": "v1.0", "status": "CURRENT", "updated": "2012-08-01T00:00:00Z",
            "links": [{"rel": "self", "href": f"{origin}/v1.0/"}]}
