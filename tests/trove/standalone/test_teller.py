"""What the control plane tells the process that started it."""

import json
import os

from trove.standalone.service import Teller


def test_stages_then_the_end() -> None:
    reader, writer = os.pipe()
    teller = Teller(writer)
    teller.stage("Opens the store.")
    teller.serves()
    with os.fdopen(reader) as lines:
        told = [json.loads(line) for line in lines]
    assert [line["kind"] for line in told] == ["stage", "serves"] and told[0]["sentence"] == "Opens the store."


def test_nobody_listens_any_more() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    teller = Teller(writer)
    teller.stage("Opens the store.")
    teller.serves()
    teller.failed("Too late to tell.")
    assert not os.path.exists(f"/proc/self/fd/{writer}")
