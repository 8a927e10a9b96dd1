"""The documents that need no project: which versions there are, and whether the process answers."""

import falcon

from .. import bodies
from ..description.declared import describe
from ..links import Link
from ..services import Resource
from ..views import versions as views


class Versions(Resource):
    @describe("List the versions of the API", views.ApiVersions)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        bodies.write(resp, views.ApiVersions((_document(req, self.settings.public_endpoint),)))


class Version(Resource):
    @describe("Show version 1.0 of the API", views.OneApiVersion)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        bodies.write(resp, views.OneApiVersion(_document(req, self.settings.public_endpoint)))


class Healthcheck(Resource):
    @describe("Whether the API answers", str, media="text/plain")
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.data = b"OK"


def _document(req: falcon.Request, public_endpoint: str) -> views.ApiVersion:
    """Its link keeps the scheme of the request, since clients follow it."""
    origin = public_endpoint.rstrip("/") or f"{req.scheme}://{req.netloc}"
    return views.ApiVersion("v1.0", "CURRENT", "2012-08-01T00:00:00Z", (Link("self", f"{origin}/v1.0/"),))
