"""Who may do what, under OpenStack Trove's rule names; operations, events, hosts, agents, rules of
parameters and what switches logs are additions of ours.

``Policy`` is the face that every handler asks. ``Rules`` answers with these, and with those that an operator puts in
their place in a file of oslo.policy's.
"""

import threading
from pathlib import Path
from typing import Protocol

from oslo_config import cfg
from oslo_policy import policy as oslo

from common.errors import Invalid
from common.openstack import log

from . import context, errors

LOG = log.get(__name__)

ADMIN_OR_OWNER = "admin or owner"
ADMIN = "admin"
ANYBODY = "anybody with a token"

_CHECKS = {ADMIN_OR_OWNER: "rule:admin_or_owner", ADMIN: "rule:admin", ANYBODY: ""}
_BASE = (
    oslo.RuleDefault("admin", "role:admin or is_admin:True", "Must be an administrator."),
    oslo.RuleDefault("admin_or_owner", "rule:admin or project_id:%(tenant)s",
                     "Must be an administrator or of the project that owns it."),
    oslo.RuleDefault("default", "rule:admin_or_owner", "Must be an administrator or of the project that owns it."),
)

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
    "instance:rotate_keys": ADMIN,
    "agent:index": ADMIN,
    "management:instance:index": ADMIN,
    "management:instance:show": ADMIN,
    "management:instance:root_history": ADMIN,
    "management:instance:rpc_ping": ADMIN,
    "management:instance:stop": ADMIN,
    "management:instance:reboot": ADMIN,
    "management:instance:migrate": ADMIN,
    "management:instance:rebuild": ADMIN,
    "management:instance:reset_task_status": ADMIN,
    "quota:show": ADMIN_OR_OWNER,
    "quota:update": ADMIN,
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
    "audit:index": ADMIN_OR_OWNER,
    "audit:index:all_projects": ADMIN,
    "audit:verify": ADMIN,
    "host:index": ADMIN,
    "host:show": ADMIN,
    "host:create": ADMIN,
    "host:delete": ADMIN,
    "host:check": ADMIN,
    "host:drain": ADMIN,
    "host:activate": ADMIN,
    "host:lose": ADMIN,
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
    "token:index": ADMIN,
    "token:create": ADMIN,
    "token:delete": ADMIN,
    "flavor:index": ANYBODY,
    "flavor:show": ANYBODY,
    "limits:index": ADMIN_OR_OWNER,
}


class Policy(Protocol):
    def enforce(self, rule: str, caller: context.Caller, project_id: str) -> None:
        """Lets it pass or raises Forbidden; ``project_id`` is the project that owns what is asked for."""


class Rules:
    """A file that changes is read again, as a whole: while the new one does not do, the one before stays in force.

    oslo.policy would read it by itself, but would then let a rule that refers to nothing be anybody's whom the rule
    ``default`` lets pass.
    """

    def __init__(self, conf: cfg.ConfigOpts, directory: str = "") -> None:
        """``conf`` names the file, and ``directory`` is where it is looked for. Raises Invalid for one that does not
        do."""
        self._conf = conf
        self._file = Path(directory, oslo.Enforcer(conf).policy_file)
        self._lock = threading.Lock()
        self._state = self._look()
        self._enforcer = self._read()

    def enforce(self, rule: str, caller: context.Caller, project_id: str) -> None:
        """Raises oslo_policy.policy.PolicyNotRegistered for a rule that there is not, and Forbidden."""
        who = {"project_id": caller.project_id, "user_id": caller.user_id, "roles": sorted(caller.roles),
               "is_admin": caller.is_admin}
        enforcer = self._present()
        if not enforcer.authorize(rule, {"tenant": project_id, "project_id": project_id}, who):
            wanted = enforcer.rules[rule] if rule in enforcer.file_rules else RULES[rule]
            raise errors.Forbidden(f"The policy does not allow {rule} here.", f"It wants {wanted}.")

    def _present(self) -> oslo.Enforcer:
        with self._lock:
            if (state := self._look()) != self._state:
                self._state = state
                try:
                    self._enforcer = self._read()
                except Invalid as error:
                    LOG.error("The policy has changed and does not do: the one before stays in force.",
                              reason=error.message)
            return self._enforcer

    def _look(self) -> tuple[tuple[str | int, ...], ...]:
        """Something else as soon as the file, or one in the directories of ``policy_dirs``, is another one."""
        places = [self._conf.find_file(name) for name in self._conf["oslo_policy"].policy_dirs]
        files = [self._file, *(file for place in places if place for file in sorted(Path(place).glob("*")))]
        return tuple(_look(file) for file in files)

    def _read(self) -> oslo.Enforcer:
        enforcer = oslo.Enforcer(self._conf)
        enforcer.policy_file = str(self._file)
        enforcer.register_defaults(list_rules())
        try:
            enforcer.load_rules()
            enforcer.check_rules(raise_on_violation=True)
        except Exception as error:  # noqa: BLE001 - of several libraries; the words are theirs
            raise Invalid(f"The policy in {self._file} cannot be used: {error}",
                          "See docs/reference/policy.yaml.sample.") from None
        enforcer.use_conf = False  # it is read again by _present alone
        return enforcer


def _look(file: Path) -> tuple[str | int, ...]:
    try:
        about = file.stat()
    except FileNotFoundError:
        return (str(file),)
    return str(file), about.st_mtime_ns, about.st_size, about.st_ino


def list_rules() -> list[oslo.RuleDefault]:
    """The entry points ``oslo.policy.policies`` and ``oslo.policy.enforcer`` lead here."""
    return [*_BASE, *(oslo.RuleDefault(name, _CHECKS[who], f"{who[0].upper()}{who[1:]}.")
                      for name, who in RULES.items())]


def defaults() -> Policy:
    """These rules, and no file."""
    conf = cfg.ConfigOpts()
    conf([], project="trove", default_config_files=[], default_config_dirs=[])
    return Rules(conf)
