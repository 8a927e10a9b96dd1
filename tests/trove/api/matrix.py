"""Who is let through by which rule to which request: asked of the API with the tokens of five people."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.trove.api.calls import Call, calls
from tests.trove.api.world import World, make_world
from trove.api import context, policy
from trove.api.settings import Settings
from trove.db.store import Store
from trove.db.tokens import Tokens

PEOPLE = ("member", "reader", "administrator", "stranger", "nobody")
NOWHERE = "00000000-0000-4000-8000-000000000000"
OWNED = ("{instance_id}", "{operation_id}", "{configuration}")
"""Parts of paths that are ids of what a project has."""
_REFUSED = (401, 403)


class Noted:
    """The default rules, and which of them were asked."""

    def __init__(self) -> None:
        self._rules = policy.defaults()
        self.asked: list[str] = []

    def enforce(self, rule: str, caller: context.Caller, project_id: str) -> None:
        self.asked.append(rule)
        self._rules.enforce(rule, caller, project_id)


@dataclass(frozen=True)
class Row:
    """``answers``: by person, ``yes`` when the policy lets it through, else the status."""

    call: Call
    rules: tuple[str, ...]
    answers: dict[str, str]


def ask(store: Store) -> Iterator[Row]:
    """All that REST knows, in its order. Only the stranger asks for things that there are, and of another project."""
    noted = Noted()
    world = make_world(store, Settings(auth_strategy="token"), noted)
    tokens = Tokens(store)
    people = {"member": (world.project, "member"), "reader": (world.project, "reader"),
              "administrator": ("elsewhere", "admin"), "stranger": ("elsewhere", "member")}
    secrets = {name: tokens.create(name, project, frozenset({role}), 3600.0)[1].reveal()
               for name, (project, role) in people.items()}
    things = _things(world, secrets["member"])
    for call in calls():
        answers = {}
        for person in PEOPLE:
            project = people.get(person, (world.project, ""))[0]
            noted.asked.clear()
            known = things if person == "stranger" else dict.fromkeys(things, NOWHERE)
            answers[person] = _answer(world, project, call, known | {"owner": world.project}, secrets.get(person))
            if person == "administrator":
                rules = tuple(noted.asked)
        yield Row(call, rules, answers)


def _things(world: World, token: str) -> dict[str, str]:
    """What the path's parts may be: an instance, a group and an operation of the project; else a name."""
    headers = {"X-Auth-Token": token}
    made = world.ask("POST", "/instances", {"instance": {"name": "till", "flavorRef": "1", "volume": {"size": 1}}},
                     headers=headers).json["instance"]["id"]
    group = world.ask("POST", "/configurations", {"configuration": {
        "name": "mine", "values": {}, "datastore": {"type": "mariadb"}}}, headers=headers).json["configuration"]["id"]
    [operation] = world.ask("GET", f"/instances/{made}/operations", headers=headers).json["operations"]
    return {"instance_id": made, "configuration": group, "operation_id": operation["id"], "user": "u", "database": "d",
            "datastore": "mariadb", "version": "10.11", "flavor": "1", "host": "h", "parameter": "p", "log": "general",
            "token": "t"}


def _answer(world: World, project: str, call: Call, parts: dict[str, str], token: str | None) -> str:
    headers = {} if token is None else {"X-Auth-Token": token}
    options = {} if call.body is None else {"json": call.body}
    status = world.client.simulate_request(call.method, f"/v1.0/{project}{call.at(parts)}", headers=headers,
                                           **options).status_code
    if status in _REFUSED or (status == 404 and parts["instance_id"] != NOWHERE and any(
            part in call.path for part in OWNED)):
        return str(status)
    return "yes"


HEAD = """\
# Who may do what

Written by `packaging/policy_matrix.py`, which sends each request that the API knows with the tokens of five people; a
test fails when this page is not what they are answered, when a request asks no rule, or when a rule is asked by none.

- **member** and **reader** have that role in the project, and no other. The default rules are OpenStack Trove's, which
  do not tell one from the other: *admin or owner*. An operator's `policy.yaml` can ([sample](policy.yaml.sample)).
- The **administrator** has the role `admin` in another project, and asks by the path of that one.
- The **stranger** is a member of another project, and asks by the path of that one for what belongs to the member's.
  By the path of the member's project, everything is a 403 for the stranger.
- **nobody** has no token.

**yes**: the policy lets it through, and the answer is about what belongs to the asker's project, or to all. 404 is
the answer to what there is not, to the letter: whether another project has it is not to be found out.

"""


def text(rows: list[Row]) -> str:
    """The page."""
    lines = [_line("rule", "request", *PEOPLE), "|" + "---|" * (2 + len(PEOPLE))]
    for row in sorted(rows, key=lambda row: row.rules):
        rules = ", ".join(f"`{rule}`" for rule in row.rules)
        lines.append(_line(rules, f"`{row.call.words}`", *(row.answers[person] for person in PEOPLE)))
    return HEAD + "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
