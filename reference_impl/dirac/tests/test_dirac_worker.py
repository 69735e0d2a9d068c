"""The worker and a client that behaves as badly as DIRAC can: whatever it does, a call ends, and the next one works."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_dirac import worker as worker_module
from common_compute_dirac.worker import Access, DiracRefused, DiracUnreachable, Identity, Worker

pytestmark = pytest.mark.real

# What it is asked to call is what it does.
CLIENT = """
import json, os, sys, time
if os.path.exists(os.environ["BROKEN"]):
    print(json.dumps({"ready": False, "error": {"kind": "unreachable", "words": "no configuration"}}), flush=True)
    sys.exit()
print(json.dumps({"ready": True, "version": "none"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    answer = {"id": request["id"], "ok": True, "value": [os.getpid(), request["as"], request["arguments"]]}
    match request["call"]:
        case "hang":
            time.sleep(3600)
        case "die":
            sys.exit("it died")
        case "babble":
            sys.stderr.write(("x" * 1000 + "\\n") * 1000)
        case "rubbish":
            print("this is no answer", flush=True)
        case "other":
            answer["id"] += 1
        case kind if kind != "echo":
            answer = {"id": request["id"], "ok": False, "error": {"kind": kind, "words": "words", "errno": 7}}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def clock() -> HeldClock:
    """Give a clock that stands still."""
    return HeldClock()


class Switch:
    """A file while which is there the client cannot start."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on(self) -> None:
        self.path.touch()

    def off(self) -> None:
        self.path.unlink()


@pytest.fixture
def broken(tmp_path: Path) -> Switch:
    """Give a switch that keeps the client from starting."""
    return Switch(tmp_path / "broken")


@pytest.fixture
def worker(tmp_path: Path, broken: Switch, clock: HeldClock, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Give a worker with that client."""
    client = tmp_path / "client.py"
    client.write_text(CLIENT)
    monkeypatch.setattr(worker_module, "CLIENT", client)
    access = Access(Path(sys.executable), (), tmp_path, environment={"BROKEN": str(broken.path)})
    return Worker(access, clock)


async def process_of(worker: Worker) -> int:
    """Give the process that answers."""
    (number, _, _) = await worker.call("echo", {}, deadline_seconds=30)
    return int(number)


def runs(process: int) -> bool:
    """Tell whether a process is there."""
    return Path(f"/proc/{process}").exists()


def wait_for_end(process: int) -> None:
    """Return when a process is not there any more."""
    while runs(process):
        time.sleep(0.01)


async def test_one_process_answers_all_calls_as_whoever_is_named(worker: Worker) -> None:
    """Calls at the same time are answered each with its own, by one process, which close ends."""
    alice = Identity("/CN=alice", "users")
    answers = await asyncio.gather(
        *(worker.call("echo", {"n": n}, alice if n % 2 else None, deadline_seconds=30) for n in range(20))
    )
    assert [{"n": n} for n in range(20)] == [answer[2] for answer in answers]
    assert [None, {"dn": "/CN=alice", "group": "users"}] == [answers[0][1], answers[1][1]]
    (process,) = {answer[0] for answer in answers}
    assert runs(process)
    await worker.close()
    assert not runs(process)


async def test_a_call_that_hangs_ends_at_its_deadline(worker: Worker) -> None:
    """The process is killed, those that waited behind it were not begun, and the next call has a new process."""
    process = await process_of(worker)
    hanging = asyncio.create_task(worker.call("hang", {}, deadline_seconds=0.5))
    await asyncio.sleep(0)
    with pytest.raises(DiracUnreachable, match=r"no answer within 0\.1 s") as waited:
        await worker.call("echo", {}, deadline_seconds=0.1)
    with pytest.raises(DiracUnreachable, match=r"no answer within 0\.5 s") as hung:
        await hanging
    assert (False, True) == (waited.value.started, hung.value.started)
    assert not runs(process)
    assert process != await process_of(worker)
    await worker.close()


async def test_a_call_that_is_given_up_leaves_no_answer_for_the_next(worker: Worker) -> None:
    """A call that its caller cancels ends the process, so that no later call gets its answer."""
    process = await process_of(worker)
    hanging = asyncio.create_task(worker.call("hang", {}, deadline_seconds=60))
    await asyncio.sleep(0.1)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert not runs(process)
    assert process != await process_of(worker)
    await worker.close()


@pytest.mark.parametrize(
    ("call", "words"), [("die", "it died"), ("rubbish", "has ended"), ("other", "has ended")]
)
async def test_a_process_that_breaks_is_begun_anew(worker: Worker, call: str, words: str) -> None:
    """A process that dies or talks nonsense may have done anything, is ended, and followed by another."""
    process = await process_of(worker)
    with pytest.raises(DiracUnreachable, match=words) as broke:
        await worker.call(call, {}, deadline_seconds=30)
    assert broke.value.started
    assert process != await process_of(worker)
    assert not runs(process)
    await worker.close()


async def test_a_process_that_was_killed_between_calls_is_begun_anew(worker: Worker) -> None:
    """Nobody notices that it was away."""
    process = await process_of(worker)
    os.kill(process, 9)
    await asyncio.to_thread(wait_for_end, process)
    await asyncio.sleep(0.1)  # the loop hears of it after the system
    assert process != await process_of(worker)
    await worker.close()


async def test_a_start_in_vain_is_not_repeated_at_once(
    worker: Worker, broken: Switch, clock: HeldClock
) -> None:
    """After a vain start all calls hear why, longer each time, and then it is tried again."""
    broken.on()
    for pause in (1, 2, 4):
        with pytest.raises(DiracUnreachable, match="no configuration") as failed:
            await worker.call("echo", {}, deadline_seconds=30)
        assert not failed.value.started
        broken.off()
        clock.advance(pause - 0.5)
        with pytest.raises(DiracUnreachable, match="no configuration"):
            await worker.call("echo", {}, deadline_seconds=30)
        broken.on()
        clock.advance(0.5)
    broken.off()
    assert await process_of(worker)
    await worker.close()


async def test_an_interpreter_that_is_not_there_is_told(tmp_path: Path, clock: HeldClock) -> None:
    """What cannot be started is an answer like any other."""
    worker = Worker(Access(tmp_path / "python", (), tmp_path), clock)
    with pytest.raises(DiracUnreachable, match="No such file") as failed:
        await worker.call("echo", {}, deadline_seconds=30)
    assert not failed.value.started


async def test_a_python_without_dirac_is_told(tmp_path: Path, clock: HeldClock) -> None:
    """A Python that has no DIRAC says so by its last words."""
    worker = Worker(Access(Path(sys.executable), (), tmp_path), clock)
    with pytest.raises(DiracUnreachable, match="No module named 'DIRAC'"):
        await worker.call("status", {"jobs": [1]}, deadline_seconds=30)


async def test_what_a_process_complains_of_does_not_stop_it(worker: Worker) -> None:
    """However much is written to the standard error, answers come, also long ones."""
    told = await worker.call("babble", {"long": "y" * 20_000_000}, deadline_seconds=60)
    assert 20_000_000 == len(told[2]["long"])
    await worker.close()


async def test_a_no_says_whether_anything_was_done(worker: Worker) -> None:
    """Where DIRAC was not reached nothing was done; where it was interrupted nobody knows; all else is its answer."""
    for kind, started in (("unreachable", False), ("interrupted", True)):
        with pytest.raises(DiracUnreachable, match="words") as failed:
            await worker.call(kind, {}, deadline_seconds=30)
        assert started == failed.value.started
    with pytest.raises(DiracRefused, match="words") as refused:
        await worker.call("unauthorized", {}, deadline_seconds=30)
    assert ("unauthorized", 7) == (refused.value.kind, refused.value.errno)
    await worker.close()
