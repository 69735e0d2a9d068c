"""Output sandboxes on their way home: what is final, what is tried again, and what is kept meanwhile."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.plan import OutputRule
from common_compute_connector.protocol import (
    Collected,
    EndedTask,
    LogBytes,
    Part,
    PartKey,
    ResultBytes,
    ResultSent,
)
from common_compute_dirac.homecoming import Homecoming, Kept
from common_compute_dirac.sandbox import Sent
from common_compute_dirac.settings import Settings
from common_compute_dirac.worker import DiracRefused, DiracUnreachable


def archive(members: dict[str, bytes]) -> bytes:
    """Make an archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as opened:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return file.getvalue()


def sandbox(text: bytes = b"out", lost: tuple[str, ...] = ()) -> str:
    """Make an output sandbox."""
    record = {
        "how": "exit",
        "number": 0,
        "words": "",
        "host": "wn",
        "started": 0,
        "finished": 0,
        "results": [],
    }
    record["lost"] = list(lost)
    inner = archive({"stdout": text, "outcome.json": json.dumps(record).encode()})
    return base64.b64encode(archive({"cc-output.tar": inner})).decode()


class Store:
    """A worker whose answers are prepared, one after the other; the last one stays."""

    def __init__(self) -> None:
        self.answers: list[str | Exception | None] = [sandbox()]
        self.asked = 0

    async def call(self, name: str, arguments: Any, acting: Any, *, deadline_seconds: float) -> Any:
        assert "output_sandbox" == name
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Bench:
    """Everything around."""

    def __init__(self, settings: Settings) -> None:
        self.clock = HeldClock()
        self.store = Store()
        self.homecoming = Homecoming(settings, self.store, self.clock)  # type: ignore[arg-type]

    async def fetch(self, attempt: int | None = 1, number: int = 7) -> Any:
        """Fetch, while time passes."""
        fetching = asyncio.create_task(self.homecoming.fetch(number, attempt, None))
        while not fetching.done():
            await asyncio.sleep(0.001)
            self.clock.advance(0.5)
        return await fetching


@pytest.fixture
def bench(settings: Callable[..., Settings]) -> Bench:
    """Give it."""
    return Bench(settings(lost_after_seconds=60))


async def test_an_output_is_fetched_once_for_each_attempt(bench: Bench) -> None:
    """Who collects gets what was fetched when the end was seen; another attempt has another output."""
    first = await bench.fetch(attempt=1)
    assert first is await bench.fetch(attempt=1)
    assert first is await bench.fetch(attempt=None)
    assert 1 == bench.store.asked
    assert first is not await bench.fetch(attempt=2)


async def test_an_output_that_comes_late_is_waited_for(bench: Bench) -> None:
    """Of a job that is Done a moment is given; of one that was killed what is there now counts."""
    bench.store.answers = [None, None, sandbox()]
    assert (await bench.fetch(attempt=1)).output is not None
    bench.store.answers = [None, sandbox()]
    none = await bench.fetch(attempt=None, number=8)
    assert (None, "DIRAC has no output of this job") == (none.output, none.words)


@pytest.mark.parametrize("kind", ["refused", "unauthorized", "failed", "not-a-member"])
async def test_a_refusal_is_believed_after_a_while(bench: Bench, kind: str) -> None:
    """DIRAC's own trouble does not lose anybody's results; what it says again and again does."""
    bench.store.answers = [DiracRefused(kind, "no", 0)]
    for _ in range(3):
        with pytest.raises(DiracUnreachable, match="no"):
            await bench.fetch()
        bench.clock.advance(15)
    bench.store.answers = [sandbox()]
    assert (await bench.fetch()).output is not None
    bench.store.answers = [DiracRefused(kind, "no", 0)]
    with pytest.raises(DiracUnreachable):
        await bench.fetch(number=8)
    bench.clock.advance(60)
    assert "no" == (await bench.fetch(number=8)).words


async def test_what_is_too_large_or_broken_is_final(bench: Bench) -> None:
    """It will not become smaller, or whole."""
    bench.store.answers = [DiracRefused("too-large", "the output sandbox has 7 bytes", 0)]
    assert "the output sandbox has 7 bytes" == (await bench.fetch()).words
    bench.store.answers = [base64.b64encode(b"rubbish").decode()]
    assert (await bench.fetch(number=8)).output is None


async def test_memory_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched first is forgotten first, and fetched again when it is wanted."""
    monkeypatch.setattr("common_compute_dirac.homecoming._KEPT_BYTES", 2500)
    bench.store.answers = [sandbox(bytes(1000))]
    for number in range(5):
        await bench.fetch(number=number)
    assert 5 == bench.store.asked
    await bench.fetch(number=4)
    await bench.fetch(number=3)
    assert 5 == bench.store.asked
    await bench.fetch(number=0)
    assert 6 == bench.store.asked


async def test_what_is_given_of_a_task(bench: Bench) -> None:
    """Logs that are there, results that a rule means, and what was lost; never a log that is not there."""
    task = EndedTask(Part(PartKey("job", 0), "alice", 0, 1), 0, [OutputRule("*.csv")])
    bench.store.answers = [sandbox(lost=("r.csv is too large",))]
    log, collected = bench.homecoming.unpack(task, await bench.fetch())
    assert isinstance(log, LogBytes)
    assert ("stdout", [b"out"]) == (log.stream, [chunk async for chunk in log.chunks])
    assert Collected(task.part.key, 0, ("r.csv is too large",)) == collected
    kept = await bench.fetch()
    for path in ("a.csv", "d/a.csv", "a.txt"):
        kept.output.results[path] = path.encode()
    results = [item.path for item in bench.homecoming.unpack(task, kept) if isinstance(item, ResultBytes)]
    assert ["a.csv"] == results
    bench.store.answers = [None]
    nothing = await bench.fetch(number=8)
    assert [Collected(task.part.key, 0, (nothing.words,))] == list(bench.homecoming.unpack(task, nothing))


@pytest.mark.parametrize(
    ("sent", "believed"),
    [
        ({"path": "a.csv", "lfn": "/cta/out/a.csv"}, True),
        ({"path": "d/a.csv", "lfn": "/cta/out/7/d/a.csv"}, True),
        ({"path": "one", "lfn": "/cta/one"}, True),
        ({"path": "a.csv", "lfn": "/cta/out/8/a.csv"}, False),
        ({"path": "a.csv", "lfn": "/cta/others/a.csv"}, False),
        ({"path": "a.txt", "lfn": "/cta/out/a.txt"}, False),
        ({"path": "home", "lfn": "/cta/home"}, False),
    ],
)
async def test_a_job_makes_up_no_place(bench: Bench, sent: dict[str, str], believed: bool) -> None:
    """What was sent is told only where its rule has it go, in an array to its task's folder there."""
    rules = [
        OutputRule("**/*.csv", destination_url="lfn:/cta/out/"),
        OutputRule("one", destination_url="lfn:/cta/one"),
        OutputRule("home"),
    ]
    task = EndedTask(Part(PartKey("job", 0), "alice", 7, 1), 7, rules)
    made = Sent(size_bytes=3, sha256="0" * 64, **sent)
    kept = await bench.fetch()
    kept = Kept(replace(kept.output, sent=(made,)))
    told = [item for item in bench.homecoming.unpack(task, kept) if isinstance(item, ResultSent)]
    expected = [ResultSent(task.part.key, 7, made.path, 3, "0" * 64, f"lfn:{made.lfn}")] if believed else []
    assert expected == told
