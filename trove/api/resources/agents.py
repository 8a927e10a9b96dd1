"""Agents of all projects, and which of them are behind the control plane's release. An addition of ours, for operators.
"""

import falcon

from trove.db.views import Scope

from .. import bodies, paging
from ..description.declared import PAGED, describe
from ..services import Resource
from ..views import agents as views


class Agents(Resource):
    @describe("List agents", views.AgentPage, query=PAGED)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """An agent that is behind goes on as it is until somebody upgrades it."""
        self.allowed(req, "agent:index")
        limit, marker = paging.limit(req, self.settings.instances_page_size), paging.marker(req)
        page = self.commands.list_instances(Scope.EVERY_PROJECT, limit, marker)
        present, now = self.settings.agent_release, self.services.clock()
        bodies.write(resp, views.AgentPage(
            tuple(views.agent(row, present, now) for row in page.items), present, self.commands.agents_behind(present),
            paging.link(req, self.base(req), page.next_marker)))
