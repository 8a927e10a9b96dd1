"""API tokens of our own, for installations without Keystone. An addition of ours, for administrators."""

import falcon

from .. import bodies, paging
from ..description.declared import PAGED, describe
from ..schemas import tokens as schemas
from ..services import Resource
from ..views import tokens as views

DAY = 24 * 3600.0


class Tokens(Resource):
    @describe("List API tokens", views.TokenPage, query=PAGED)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Of all projects, and those that nobody can use any more, too."""
        self.allowed(req, "token:index")
        limit = paging.limit(req, self.settings.instances_page_size)
        page = self.services.tokens.page(limit, paging.marker(req))
        bodies.write(resp, views.TokenPage(tuple(views.token(row) for row in page.items),
                                           paging.link(req, self.base(req), page.next_marker)))

    @describe("Make an API token", views.OneToken, status=201, body=schemas.CreateToken)
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Its secret is in this answer alone. It is of use where `auth_strategy` is `token`."""
        caller = self.allowed(req, "token:create")
        asked = bodies.read(req, schemas.CreateToken).token
        made, secret = self.services.tokens.create(asked.name, asked.project_id or caller.project_id,
                                                   frozenset(asked.roles), asked.days * DAY)
        req.context.made = made.id
        resp.status = 201
        bodies.write(resp, views.OneToken(views.new_token(made, secret.reveal())))


class Token(Resource):
    @describe("Revoke an API token", status=202)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Nobody can use it from now on."""
        self.allowed(req, "token:delete")
        self.services.tokens.revoke(token)
        resp.status = 202
