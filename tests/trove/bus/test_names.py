"""The names and rights on the broker."""

import re

from trove.bus import names

ID = "9f86d081-884c-4d65-9a2f-eaa0c55ad015"
OTHER = "9f86d081-884c-4d65-9a2f-eaa0c55ad016"


def test_a_guests_rights_reach_its_own_things_alone():
    rights = names.permissions(ID)

    def allowed(right, name):
        return re.search(rights[right], name) is not None

    assert allowed("write", names.reports(ID))
    assert allowed("read", names.guest_queue(ID))
    for name in (names.GUESTS_EXCHANGE, names.EVENTS_EXCHANGE, names.new_reply_queue(), names.reports(OTHER),
                 names.guest_queue(OTHER), f"x{names.reports(ID)}", f"{names.reports(ID)}x", f"guest_{ID}_up"):
        assert not any(allowed(right, name) for right in rights), name
    assert not any(allowed("configure", name) for name in (names.reports(ID), names.guest_queue(ID), "new"))
    assert not allowed("read", names.reports(ID))
    assert not allowed("write", names.guest_queue(ID))


def test_reply_queues_differ():
    assert len({names.new_reply_queue() for _ in range(100)}) == 100
    assert re.fullmatch("reply_[0-9a-f]{32}", names.new_reply_queue())
