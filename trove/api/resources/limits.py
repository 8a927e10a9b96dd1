"""What a project may have, and how often it may ask."""

import falcon

from .. import bodies
from ..description.declared import describe
from ..services import Resource
from ..views import limits as views


class Limits(Resource):
    @describe("Show quotas and rate limits", views.Limits)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller = self.allowed(req, "limits:index")
        limits = {quota.resource: quota.limit for quota in self.commands.quotas(caller.project_id)}
        absolute = views.Limit(verb="ABSOLUTE", max_instances=limits["instances"], max_ram=limits["ram"],
                               max_volumes=limits["volumes"], max_backups=limits["backups"])
        rates = self.services.rates.describe(caller.project_id)
        bodies.write(resp, views.Limits((absolute, *rates)))
