"""Flavors."""

import falcon

from .. import bodies
from ..description.declared import describe
from ..services import Resource
from ..views import flavors as views


class Flavors(Resource):
    @describe("List flavors", views.Flavors)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.allowed(req, "flavor:index")
        base = self.base(req)
        bodies.write(resp, views.Flavors(tuple(views.flavor(row, base) for row in self.commands.list_flavors())))


class Flavor(Resource):
    @describe("Show a flavor", views.OneFlavor)
    def on_get(self, req: falcon.Request, resp: falcon.Response, flavor: str) -> None:
        self.allowed(req, "flavor:show")
        bodies.write(resp, views.OneFlavor(views.flavor(self.commands.get_flavor(flavor), self.base(req))))
