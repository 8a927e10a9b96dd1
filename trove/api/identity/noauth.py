"""Nobody is asked: for one machine, on loopback."""

import falcon

from .. import context


class NoAuth:
    """Everybody is an administrator of the project that the path names; there is no token to look at.

    Whoever may ask for one project may ask for another by another path, so the path confines: a typing mistake in a
    project's id reaches nothing of another project.
    """

    def identify(self, _req: falcon.Request, project_id: str, request_id: str) -> context.Caller:
        return context.Caller(project_id, "noauth", frozenset({"admin"}), is_admin=True, confined=True,
                              request_id=request_id, how="noauth")
