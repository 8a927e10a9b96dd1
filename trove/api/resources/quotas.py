"""What a project may have, and what it has of that."""

import falcon

from .. import bodies
from ..description.declared import describe
from ..schemas import quotas as schemas
from ..services import Resource
from ..views import quotas as views


class Quotas(Resource):
    @describe("Show the quotas of a project", views.Quotas)
    def on_get(self, req: falcon.Request, resp: falcon.Response, owner: str) -> None:
        """A project's own, for everybody in it."""
        self.allowed(req, "quota:show", owner=owner)
        bodies.write(resp, views.quotas(self.commands.quotas(owner)))

    @describe("Set quotas of a project", views.QuotaLimits, body=schemas.SetQuotas)
    def on_put(self, req: falcon.Request, resp: falcon.Response, owner: str) -> None:
        """What a project has beyond a new limit stays; it gets no more until there is room."""
        self.allowed(req, "quota:update", owner=owner)
        wanted = bodies.read(req, schemas.SetQuotas).quotas
        self.commands.set_quotas(owner, wanted)
        limits = {quota.resource: quota.limit for quota in self.commands.quotas(owner) if quota.resource in wanted}
        bodies.write(resp, views.QuotaLimits(limits))
