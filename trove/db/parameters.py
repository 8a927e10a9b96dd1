"""What operators say of parameters, and the catalogues that come of it."""

from sqlalchemy import Connection, delete, select

from trove import datastores
from trove.domain import rules
from trove.domain.parameters import Catalogue
from trove.domain.rules import Rule

from . import schema
from .views import Version

_p = schema.parameter_rules.c


def catalogue(connection: Connection, version: Version) -> Catalogue:
    """What may be set in servers of this version. Raises Unsupported where nothing may."""
    return rules.ruled(datastores.catalogue(version.manager, version.number), stored(connection, version))


def stored(connection: Connection, version: Version) -> tuple[Rule, ...]:
    """In order of names, withdrawn ones too."""
    rows = connection.execute(
        select(_p.name, _p.data_type, _p.restart_required, _p.minimum, _p.maximum, _p.deleted_at)
        .where(_p.datastore_version_id == version.id).order_by(_p.name))
    return tuple(Rule(row.name, row.data_type, row.restart_required, _number(row.minimum), _number(row.maximum),
                      row.deleted_at) for row in rows)


def store(connection: Connection, version: Version, rule: Rule, *, new: bool) -> Rule:
    """In the server's spelling. Raises what ``rules.checked`` raises, and Unsupported."""
    told = datastores.catalogue(version.manager, version.number)
    rule = rules.checked(told, stored(connection, version), rule, new=new)
    connection.execute(delete(schema.parameter_rules).where(
        _p.datastore_version_id == version.id, _p.name == rule.name))
    connection.execute(schema.parameter_rules.insert().values(
        datastore_version_id=version.id, name=rule.name, data_type=rule.data_type,
        restart_required=rule.restart_required, minimum=_text(rule.minimum), maximum=_text(rule.maximum),
        deleted_at=rule.deleted_at))
    return rule


def _number(text: str | None) -> int | float | None:
    if text is None:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _text(number: float | None) -> str | None:
    return None if number is None else str(number)
