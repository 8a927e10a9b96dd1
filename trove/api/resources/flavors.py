"""Flavors."""

import falcon

from .. import bodies, views
from ..services import Resource


class Flavors(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.allowed(req, "flavor:index")
        base = self.base(req)
        bodies.write(resp, {"flavors": [views.flavor(row, base) for row in self.commands.list_flavors()]})


class Flavor(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response, flavor: str) -> None:
        self.allowed(req, "flavor:show")
        bodies.write(resp, {"flavor": views.flavor(self.commands.get_flavor(flavor), self.base(req))})
