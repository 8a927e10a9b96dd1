"""``/metrics``: for the operator of this machine, and so for nobody who asks from elsewhere."""

import ipaddress

import falcon

from trove.metrics import figures

from ..description.declared import describe
from ..services import Resource

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class Metrics(Resource):
    """OpenMetrics text. There is no such path for who comes from another machine, or through a proxy on this one."""

    @describe("Metrics", str, media=figures.CONTENT_TYPE, refuses=(404,))
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not _is_local(req):
            raise falcon.HTTPNotFound
        resp.content_type = figures.CONTENT_TYPE
        resp.data = self.services.figures.scrape()


def _is_local(req: falcon.Request) -> bool:
    if any(req.get_header(name) for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(req.remote_addr).is_loopback
    except ValueError:
        return False
