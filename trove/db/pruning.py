"""Records that have done their service: which they are, and their removal in small batches.

What another table keeps about an operation goes here as well, in the same transaction as the operation.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, tuple_

from trove.domain.states import Task

from . import schema

_o, _i, _g = schema.operations.c, schema.instances.c, schema.guest_orders.c
_later = schema.operations.alias("later")


def outlived(connection: Connection, before: float, most: int) -> tuple[str, ...]:
    """The ids of at most ``most`` operations that ended before that moment (seconds since 1970), the oldest first.

    Of a living instance the newest operation is kept, whatever its age; of one that is not at rest, all are: a retry
    looks at what earlier ones asked of the guest.
    """
    newer = exists().where(_later.c.instance_id == _o.instance_id,
                           tuple_(_later.c.created, _later.c.id) > tuple_(_o.created, _o.id))
    query = (select(_o.id).join(schema.instances, _i.id == _o.instance_id)
             .where(_o.state.in_(("done", "failed", "cancelled")), _o.updated < before,
                    or_(_i.deleted_at.is_not(None), and_(_i.task == Task.NONE.value, newer)))
             .order_by(_o.updated).limit(most))
    return tuple(connection.execute(query).scalars())


def remove(connection: Connection, ids: Sequence[str]) -> None:
    """These operations, and the orders that they gave to guests (``<operation id>.<step>``)."""
    connection.execute(delete(schema.guest_orders).where(
        func.substr(_g.id, 1, 36).in_(ids), _g.instance_id.in_(select(_o.instance_id).where(_o.id.in_(ids)))))
    connection.execute(delete(schema.operations).where(_o.id.in_(ids)))
