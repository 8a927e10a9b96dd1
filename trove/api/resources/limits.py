"""What a project may have, and how often it may ask."""

import falcon

from .. import bodies
from ..services import Resource


class Limits(Resource):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller = self.allowed(req, "limits:index")
        absolute = {f"max_{quota.resource}": quota.limit for quota in self.commands.quotas(caller.project_id)}
        rows = [{"verb": "ABSOLUTE"} | absolute, *self.services.rates.describe(caller.project_id)]
        bodies.write(resp, {"limits": rows})
