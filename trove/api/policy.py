"""Who may do what, under OpenStack Trove's rule names; operations, events, hosts, agents, rules of
parameters and what switches logs are additions of ours.

``Policy`` is the face that every handler asks. ``Defaults`` answers with upstream's default rules and needs no library;
an operator's own rules come with ``oslo.policy`` behind the same face.
"""

from typing import Protocol

from . import context, errors

ADMIN_OR_OWNER = "admin or owner"
ADMIN = "admin"
ANYBODY = "anybody with a token"

RULES: dict[str, str] = {
    "instance:create": ADMIN_OR_OWNER,
    "instance:delete": ADMIN_OR_OWNER,
    "instance:force_delete": ADMIN_OR_OWNER,
    "instance:index": ADMIN_OR_OWNER,
    "instance:detail": ADMIN_OR_OWNER,
    "instance:show": ADMIN_OR_OWNER,
    "instance:update": ADMIN_OR_OWNER,
    "instance:edit": ADMIN_OR_OWNER,
    "instance:restart": ADMIN_OR_OWNER,
    "instance:configuration": ADMIN_OR_OWNER,
    "instance:reset_status": ADMIN,
    "instance:upgrade_agent": ADMIN,
    "agent:index": ADMIN,
    "instance:guest_log_list": ADMIN_OR_OWNER,
    "instance:guest_log_set": ADMIN_OR_OWNER,
    "instance:extension:root:create": ADMIN_OR_OWNER,
    "instance:extension:root:delete": ADMIN_OR_OWNER,
    "instance:extension:root:index": ADMIN_OR_OWNER,
    "instance:extension:user:create": ADMIN_OR_OWNER,
    "instance:extension:user:delete": ADMIN_OR_OWNER,
    "instance:extension:user:index": ADMIN_OR_OWNER,
    "instance:extension:user:show": ADMIN_OR_OWNER,
    "instance:extension:user:update": ADMIN_OR_OWNER,
    "instance:extension:user:update_all": ADMIN_OR_OWNER,
    "instance:extension:user_access:delete": ADMIN_OR_OWNER,
    "instance:extension:user_access:index": ADMIN_OR_OWNER,
    "instance:extension:user_access:update": ADMIN_OR_OWNER,
    "instance:extension:database:create": ADMIN_OR_OWNER,
    "instance:extension:database:delete": ADMIN_OR_OWNER,
    "instance:extension:database:index": ADMIN_OR_OWNER,
    "instance:extension:database:show": ADMIN_OR_OWNER,
    "event:index": ADMIN_OR_OWNER,
    "host:index": ADMIN,
    "host:show": ADMIN,
    "host:create": ADMIN,
    "host:delete": ADMIN,
    "host:check": ADMIN,
    "host:drain": ADMIN,
    "host:activate": ADMIN,
    "operation:index": ADMIN_OR_OWNER,
    "operation:show": ADMIN_OR_OWNER,
    "operation:retry": ADMIN_OR_OWNER,
    "operation:cancel": ADMIN_OR_OWNER,
    "datastore:index": ANYBODY,
    "datastore:show": ANYBODY,
    "datastore:version_index": ANYBODY,
    "datastore:version_show": ANYBODY,
    "datastore:version_show_by_uuid": ANYBODY,
    "datastore:list_associated_flavors": ANYBODY,
    "configuration:create": ADMIN_OR_OWNER,
    "configuration:delete": ADMIN_OR_OWNER,
    "configuration:index": ADMIN_OR_OWNER,
    "configuration:show": ADMIN_OR_OWNER,
    "configuration:instances": ADMIN_OR_OWNER,
    "configuration:update": ADMIN_OR_OWNER,
    "configuration:edit": ADMIN_OR_OWNER,
    "configuration-parameter:index": ADMIN_OR_OWNER,
    "configuration-parameter:show": ADMIN_OR_OWNER,
    "configuration-parameter:index_by_version": ADMIN_OR_OWNER,
    "configuration-parameter:show_by_version": ADMIN_OR_OWNER,
    "parameter-rule:index": ADMIN,
    "parameter-rule:show": ADMIN,
    "parameter-rule:create": ADMIN,
    "parameter-rule:update": ADMIN,
    "parameter-rule:delete": ADMIN,
    "datastore-version:index": ADMIN,
    "datastore-version:show": ADMIN,
    "datastore-version:create": ADMIN,
    "datastore-version:update": ADMIN,
    "datastore-version:delete": ADMIN,
    "flavor:index": ANYBODY,
    "flavor:show": ANYBODY,
    "limits:index": ADMIN_OR_OWNER,
}


class Policy(Protocol):
    def enforce(self, rule: str, caller: context.Caller, project_id: str) -> None:
        """Lets it pass or raises Forbidden; ``project_id`` is the project that owns what is asked for."""


class Defaults:
    """Upstream's defaults. A rule that it does not know is a KeyError, never a yes."""

    def enforce(self, rule: str, caller: context.Caller, project_id: str) -> None:
        wanted = RULES[rule]
        if wanted == ANYBODY or caller.is_admin:
            return
        if wanted == ADMIN_OR_OWNER and caller.project_id == project_id:
            return
        raise errors.Forbidden(f"The policy does not allow {rule} here.", f"It wants {wanted}.")


DEFAULTS: Policy = Defaults()
