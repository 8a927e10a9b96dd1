"""Nasty names: each works throughout, or is refused with the rule, and none does anything else."""

from functools import partial

from common.contract import types as t
from common.errors import TroveError

from .asking import PASSWORD, accounts, granted, make_place, make_user
from .nasty import NASTY, goes
from .subject import Subject


def of_users_work_or_are_refused(subject: Subject) -> None:
    place = make_place(subject, "canary")
    make_user(subject, "canary", *place)
    for name in NASTY:
        if not goes(partial(make_user, subject, name, *place)):
            assert accounts(subject) == [("canary", "%")], name
            continue
        assert accounts(subject) == sorted([("canary", "%"), (name, "%")]), name
        assert subject.client.can_use(name, PASSWORD, "canary"), name
        subject.engine.update_attributes(t.UserRef(name=name), t.UserChanges(name="renamed"))
        subject.engine.update_attributes(t.UserRef(name="renamed"), t.UserChanges(name=name))
        assert granted(subject, name) == place, name
        subject.engine.delete_user(t.UserRef(name=name))
        assert accounts(subject) == [("canary", "%")], name
    assert subject.client.can_use("canary", PASSWORD, "canary")


def that_no_tenant_can_have_are_simply_not_found(subject: Subject) -> None:
    """Asking for them is no defect of ours either."""
    for name in NASTY:
        for order in (
            partial(subject.engine.get_user, t.UserRef(name=name)),
            partial(subject.engine.delete_user, t.UserRef(name=name)),
            *([partial(subject.engine.delete_database, name)] if "databases" in subject.manifest.capabilities else []),
        ):
            try:
                order()
            except TroveError as error:
                assert error.code in ("not_found", "invalid", "refused"), (name, error.code, error.message)
            else:
                raise AssertionError(f"{name!r} was there")
