"""Creations, restarts and deletions over fakes: what they make, how they fail, how they are called off."""

import logging
import time
import uuid

import pytest

from common.contract import types as t
from common.errors import HostFailed, NoSpace, NotFound, Unreachable
from common.openstack import context
from tests.trove.world import PASSWORD, World
from trove.bus import fake
from trove.db import endings, guests
from trove.taskmanager import create, guestwork, steps, turn


@pytest.fixture
def world(shared: World) -> World:
    """A new project in the shared world, where nothing fails yet."""
    shared.project = f"project-{uuid.uuid4()}"
    for misfortune in (shared.guests.fails, shared.guests.mute, shared.guests.slow, shared.provider.fails):
        misfortune.clear()
    return shared


def in_use(world: World) -> dict[str, int]:
    return {each.resource: each.in_use for each in world.commands.quotas(world.project)}


def patience(monkeypatch: pytest.MonkeyPatch, step: steps.Step, seconds: float) -> None:
    """Steps are frozen: the table of a flow is not to be changed while it runs."""
    monkeypatch.setattr(create, step.name, steps.Step(step.name, step.sentence, seconds, step.body))


def test_a_creation_ends_with_an_instance_that_serves(world: World) -> None:
    asked = world.create()
    ended = world.ended(asked)
    assert (ended.state, ended.sentence, ended.error_code) == ("done", "The instance serves.", None)
    found = world.instance(asked.instance_id)
    assert (found.status, found.port, found.fault) == ("ACTIVE", 3306, None)
    assert found.address is not None and found.address.startswith("127.64.0.")
    assert found.placement["notes"] == ["This is a fake."]
    assert world.topology.exists(asked.instance_id) and asked.instance_id in world.provider.placed(None)
    assert world.guests.journal(asked.instance_id) == {f"{asked.operation_id}.prepare": "done"}
    with world.store.read() as connection:
        assert guests.order(connection, world.store.vault, asked.instance_id) is None, "it holds passwords"


def test_every_step_is_logged_under_the_request_that_asked_for_it(world: World,
                                                                  caplog: pytest.LogCaptureFixture) -> None:
    heard: list[tuple[str, str]] = []

    def hear(record: logging.LogRecord) -> bool:
        if record.name == steps.__name__:
            heard.append((context.current().request_id, record.getMessage()))
        return True

    caplog.handler.addFilter(hear)
    with caplog.at_level(logging.INFO, "trove.taskmanager"):
        world.ended(world.create())
        world.until(lambda: heard[-1][1] == "An operation has ended.")
    assert [sentence for _, sentence in heard] == [
        "A flow begins.", turn.take_turn.sentence, create.find_spot.sentence, create.place.sentence,
        create.await_agent.sentence, create.prepare.sentence, "An operation has ended."]
    assert {request_id for request_id, _ in heard} == {"req-1"}


def test_the_end_of_an_operation_is_counted_once(world: World) -> None:
    counted = 'trove_operations_ended_total{kind="restart",outcome="done",step="restart_server"} '

    def count() -> float:
        shown = world.services.figures.scrape().decode().splitlines()
        return sum(float(line.removeprefix(counted)) for line in shown if line.startswith(counted))

    before, asked = count(), world.create()
    world.ended(asked)
    restart = world.restart(asked.instance_id)
    world.ended(restart)
    world.until(lambda: count() > before)
    steps.end(world.services, restart.operation_id, str(world.operation(restart).executor_id), endings.succeed)
    assert count() == before + 1


def test_creations_at_once_get_an_address_each(world: World) -> None:
    asked = [world.create() for _ in range(5)]
    assert {world.ended(each).state for each in asked} == {"done"}
    assert len({world.instance(each.instance_id).address for each in asked}) == 5


def test_a_restart_is_done_by_the_guest(world: World) -> None:
    asked = world.create()
    world.ended(asked)
    restart = world.restart(asked.instance_id)
    assert world.ended(restart).state == "done"
    assert world.instance(asked.instance_id).status == "ACTIVE"
    assert f"{restart.operation_id}.restart" in world.guests.journal(asked.instance_id)


def test_a_deletion_leaves_nothing(world: World) -> None:
    asked = world.create()
    world.ended(asked)
    assert world.ended(world.delete(asked.instance_id)).state == "done"
    with pytest.raises(NotFound):
        world.instance(asked.instance_id)
    assert not world.topology.exists(asked.instance_id) and asked.instance_id not in world.provider.placed(None)
    assert set(in_use(world).values()) == {0}
    assert f"conductor.unwatch.{asked.instance_id}" in world.events.published


FAULTS = {
    "find_spot": (NoSpace("All addresses are in use.", "Delete an instance."), "All addresses are in use."),
    "place": (HostFailed("The volume cannot be mounted.", "Load the loop module."), "Load the loop module."),
}


@pytest.mark.parametrize("method", FAULTS)
def test_what_the_provider_cannot_do_is_told_and_can_be_deleted(world: World, method: str) -> None:
    error, sentence = FAULTS[method]
    world.provider.fails[method] = error
    asked = world.create()
    ended = world.ended(asked)
    assert (ended.state, ended.error_code) == ("failed", error.code)
    found = world.instance(asked.instance_id)
    assert found.status == "ERROR" and found.fault is not None
    assert sentence in found.fault.message and "create, step" in found.fault.details
    assert in_use(world)["instances"] == 1, "what is there is charged until it is deleted"
    assert world.ended(world.delete(asked.instance_id)).state == "done"
    assert in_use(world)["instances"] == 0


def test_what_the_guest_cannot_make_is_told_in_its_words(world: World) -> None:
    world.guests.fails["prepare"] = t.Failure(code="engine_failed", message="User reader cannot be made.",
                                            hint="Choose another password.")
    asked = world.create()
    assert world.ended(asked).state == "failed"
    found = world.instance(asked.instance_id)
    assert found.status == "ERROR" and found.fault is not None
    assert found.fault.message == "User reader cannot be made. Choose another password."


def test_a_guests_failure_is_final_even_if_it_might_pass(world: World) -> None:
    world.guests.fails["prepare"] = t.Failure(code="busy", message="Another operation is under way.")
    asked = world.create()
    assert world.ended(asked, timeout=40).error_code == "busy"


def test_a_restart_that_fails_can_be_tried_again(world: World) -> None:
    asked = world.create()
    world.ended(asked)
    world.guests.fails["restart"] = t.Failure(code="engine_failed", message="It does not come up.", hint="See its log.")
    assert world.ended(world.restart(asked.instance_id)).state == "failed"
    assert world.instance(asked.instance_id).status == "ERROR"
    del world.guests.fails["restart"]
    assert world.ended(world.restart(asked.instance_id)).state == "done"
    found = world.instance(asked.instance_id)
    assert (found.status, found.fault) == ("ACTIVE", None)


def test_a_deletion_that_fails_can_be_asked_for_again(world: World) -> None:
    asked = world.create()
    world.ended(asked)
    world.provider.fails["unplace"] = HostFailed("The volume is busy.", "Close what uses it.")
    assert world.ended(world.delete(asked.instance_id)).state == "failed"
    found = world.instance(asked.instance_id)
    assert found.status == "ERROR" and found.fault is not None and found.fault.message.startswith("The volume is busy.")
    world.provider.fails.clear()
    assert world.ended(world.delete(asked.instance_id)).state == "done"


def test_a_defect_is_a_fault_too(world: World) -> None:
    world.provider.fails["place"] = ZeroDivisionError("oops")  # type: ignore[assignment]
    asked = world.create()
    assert world.ended(asked).error_code == "internal"
    assert "ZeroDivisionError" in (world.ended(asked).error_message or "")


def test_an_agent_that_never_reports_is_a_fault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    patience(monkeypatch, create.await_agent, 0.3)
    monkeypatch.setattr(world.provider, "_on_placed", lambda instance_id, release: None)
    asked = world.create()
    assert world.ended(asked).error_code == "deadline"
    fault = world.instance(asked.instance_id).fault
    assert fault is not None and fault.message.startswith("The agent did not report.")


def test_an_agent_finds_its_first_order_when_it_comes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, float]] = []

    def operate(self: fake.FakeGuest, *, operation_id: str, deadline: float, patience: float,
                order: t.Prepare) -> t.Ticket:
        sent.append((operation_id, deadline))
        return t.Ticket(operation_id=operation_id, state=t.OperationState.RUNNING)

    monkeypatch.setattr(fake.FakeGuest, "prepare", operate)
    monkeypatch.setattr(world.provider, "_on_placed", lambda instance_id, release: None)
    asked = world.create()
    order_id = f"{asked.operation_id}.prepare"
    world.until(lambda: sent)
    assert sent == [(order_id, create.prepare.at_most)] and world.operation(asked).step == "await_agent"
    world.guests.say_hello(asked.instance_id)
    world.until(lambda: world.operation(asked).step == "prepare")
    world.guests.finish(asked.instance_id, "prepare", order_id)
    assert world.ended(asked).state == "done" and {each for each, _ in sent} == {order_id}


def test_a_guest_that_never_ends_its_work_is_a_fault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    patience(monkeypatch, create.prepare, 0.3)
    world.guests.slow.add("prepare")
    assert world.ended(world.create()).error_code == "deadline"


def test_what_passes_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[str] = []

    def create_later(instance_id: str, password: object) -> None:
        attempts.append(instance_id)
        if len(attempts) < 3:
            raise Unreachable("The broker is away.")

    monkeypatch.setattr(world.topology, "create", create_later)
    assert world.ended(world.create()).state == "done"
    assert len(attempts) == 3


def test_what_may_pass_is_given_up_at_the_deadline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    patience(monkeypatch, create.place, 0.2)

    def away(instance_id: str, password: object) -> None:
        raise Unreachable("The broker is away.", "Start it.")

    monkeypatch.setattr(world.topology, "create", away)
    asked = world.create()
    assert world.ended(asked).error_code == "unreachable"


def test_a_deletion_calls_a_creation_off(world: World) -> None:
    world.guests.slow.add("prepare")
    asked = world.create()
    world.until(lambda: world.guests.journal(asked.instance_id))
    began = time.monotonic()
    deletion = world.delete(asked.instance_id)
    assert world.ended(deletion).state == "done"
    assert time.monotonic() - began < steps.LOOK_AGAIN, "it is woken, not found"
    assert world.operation(asked).state == "cancelled"
    assert not world.topology.exists(asked.instance_id) and asked.instance_id not in world.provider.placed(None)
    assert set(in_use(world).values()) == {0}


def test_a_deletion_needs_no_guest(world: World) -> None:
    asked = world.create()
    world.ended(asked)
    world.guests.mute.add(asked.instance_id)
    world.restart(asked.instance_id)
    assert world.ended(world.delete(asked.instance_id)).state == "done"


def test_reset_status_ends_a_restart_that_hangs(world: World) -> None:
    asked = world.create()
    world.ended(asked)
    world.guests.slow.add("restart")
    restart = world.restart(asked.instance_id)
    world.until(lambda: f"{restart.operation_id}.restart" in world.guests.journal(asked.instance_id))
    world.commands.reset_status(world.project, asked.instance_id)
    assert world.ended(restart).state == "cancelled"
    assert world.instance(asked.instance_id).status == "ACTIVE"


def test_progress_is_shown_on_the_operation(world: World) -> None:
    world.guests.slow.add("prepare")
    asked = world.create()
    order_id = f"{asked.operation_id}.prepare"
    world.until(lambda: world.guests.journal(asked.instance_id))
    world.report(asked.instance_id, "progress", t.Progress(
        stamp=t.Stamp(key_epoch=1, boot_count=1, sequence=3), operation_id=order_id, sentence="Starts.", percent=70.0))
    world.until(lambda: world.operation(asked).percent == 70.0)
    shown = world.operation(asked)
    assert (shown.step, shown.sentence) == ("prepare", "Starts.")
    assert shown.deadline is not None and shown.deadline > time.time()
    world.guests.finish(asked.instance_id, "prepare", order_id)
    assert world.ended(asked).state == "done"


def test_a_lost_answer_is_asked_for_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest has done it, and its result never arrived: a broker without its data does that."""
    monkeypatch.setattr(guestwork, "SILENCE", 0.2)
    monkeypatch.setattr(steps, "LOOK_AGAIN", 0.1)
    world.guests.slow.add("prepare")
    asked = world.create()
    world.until(lambda: world.guests.journal(asked.instance_id))
    path = world.guests._journal(asked.instance_id)
    path.write_text(path.read_text().replace("running", "done"))
    assert world.ended(asked).state == "done"


def test_no_secret_is_in_any_file_of_the_flows(world: World) -> None:
    asked = world.create()
    world.ended(asked)
    with world.store.read() as connection:
        held_of = guests.current(connection, world.store.vault, asked.instance_id)
        keys, bus_password = held_of.keys, held_of.password
    held = b"".join(file.read_bytes() for file in world.root.glob("*.sqlite*"))
    assert asked.operation_id.encode() in held
    for secret in (PASSWORD, keys.to_guest.reveal(), keys.from_guest.reveal(), bus_password.reveal()):
        assert secret.encode() not in held
