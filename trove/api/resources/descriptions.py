"""What the API says of itself: as a document for programs and as a page for people."""

from typing import Annotated, Any

import falcon
from msgspec import Meta

from ..description.declared import describe
from ..services import Resource


class Document(Resource):
    @describe("This document, in OpenAPI 3.1", Annotated[dict[str, Any], Meta(examples=[{"openapi": "3.1.0"}])])
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = self.services.description.document


class Page(Resource):
    @describe("This document as a page to read", str, media=falcon.MEDIA_HTML)
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.data = self.services.description.page
