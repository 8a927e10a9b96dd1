"""The API described by itself: each handler says beside its code what it takes and answers; from that one OpenAPI
document is made, and from the document a page."""

import functools
from collections.abc import Mapping

import msgspec

from . import document, page


class Description:
    """Made when somebody asks first; both parts in UTF-8."""

    def __init__(self, routes: Mapping[str, type]) -> None:
        self._routes = routes

    @functools.cached_property
    def document(self) -> bytes:
        return msgspec.json.encode(document.make(self._routes))

    @functools.cached_property
    def page(self) -> bytes:
        return page.render(document.make(self._routes)).encode()
