"""Output sandboxes brought home: asked for when their tasks have ended, and kept until they are collected."""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from common_compute_connector.clock import Clock
from common_compute_connector.plan import OutputRule
from common_compute_connector.protocol import (
    Collected,
    EndedTask,
    LogBytes,
    ResultBytes,
    ResultSent,
    Stream,
)
from common_compute_dirac.sandbox import BrokenSandbox, Output, Sent, read_output
from common_compute_dirac.settings import Settings
from common_compute_dirac.staging import destination
from common_compute_dirac.staging_settings import SCHEME
from common_compute_dirac.worker import DiracRefused, DiracUnreachable, Identity, Worker

_MEBIBYTE = 1024 * 1024
_LARGEST_SANDBOX_BYTES = 64 * _MEBIBYTE
_KEPT_BYTES = 256 * _MEBIBYTE
_KEPT_OUTPUTS = 1000
_DOWNLOADS = 3
"""A job may be Done a moment before its sandbox can be had; one that was killed mostly has none."""

_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a job left, or in words why there is nothing."""

    output: Output | None
    words: str = ""


class Homecoming:
    """The outputs that were fetched last."""

    def __init__(self, settings: Settings, worker: Worker, clock: Clock) -> None:
        self._settings = settings
        self._worker = worker
        self._clock = clock
        self._kept: OrderedDict[int, tuple[int | None, Kept]] = OrderedDict()
        self._refused: dict[int, datetime] = {}

    async def fetch(self, number: int, attempt: int | None, acting: Identity | None) -> Kept:
        """Give the output of a job's attempt; None is the last one, whichever that is.

        Raises:
            DiracUnreachable: there is no answer, or none that has to be the last.
        """
        if number in self._kept:
            of_attempt, kept = self._kept[number]
            if attempt in (None, of_attempt):
                return kept
        kept = await self._download(number, acting, _DOWNLOADS if attempt is not None else 1)
        self._keep(number, attempt, kept)
        return kept

    async def _download(self, number: int, acting: Identity | None, tries: int) -> Kept:
        arguments = {"job": number, "max_bytes": _LARGEST_SANDBOX_BYTES}
        deadline = self._settings.call_seconds
        archive = None
        for again in range(tries):
            if again:
                await self._clock.sleep(1)
            try:
                archive = await self._worker.call(
                    "output_sandbox", arguments, acting, deadline_seconds=deadline
                )
            except DiracRefused as error:
                if self._may_pass(number, error):
                    raise DiracUnreachable(error.detail, started=False) from error
                return Kept(None, error.detail)
            if archive is not None:
                break
        else:
            return Kept(None, "DIRAC has no output of this job")
        try:
            return Kept(
                await asyncio.to_thread(read_output, base64.b64decode(archive), _LARGEST_SANDBOX_BYTES)
            )
        except BrokenSandbox as error:
            return Kept(None, str(error))

    def _may_pass(self, number: int, error: DiracRefused) -> bool:
        """Tell whether a refusal may be DIRAC's trouble only: until it has been said for long enough."""
        if error.kind == "too-large":
            return False
        now = self._clock.now()
        since = self._refused.setdefault(number, now)
        return now - since < timedelta(seconds=self._settings.lost_after_seconds)

    def _keep(self, number: int, attempt: int | None, kept: Kept) -> None:
        self._kept.pop(number, None)
        self._refused.pop(number, None)
        self._kept[number] = (attempt, kept)
        size = sum(each.output.size_bytes for _, each in self._kept.values() if each.output is not None)
        while len(self._kept) > 1 and (len(self._kept) > _KEPT_OUTPUTS or size > _KEPT_BYTES):
            _, (_, oldest) = self._kept.popitem(last=False)
            size -= oldest.output.size_bytes if oldest.output is not None else 0

    def unpack(
        self, task: EndedTask, kept: Kept
    ) -> Iterator[LogBytes | ResultBytes | ResultSent | Collected]:
        """Give a task's logs, those of its results that a rule of its job means, and what was lost."""
        key, index, output = task.part.key, task.index, kept.output
        if output is None:
            yield Collected(key, index, (kept.words,))
            return
        for stream in _STREAMS:
            if stream in output.logs:
                yield LogBytes(key, index, stream, _chunks(output.logs[stream]))
        for path, content in output.results.items():
            if any(rule.matches(path) for rule in task.outputs):
                yield ResultBytes(key, index, path, _chunks(content))
        for sent in output.sent:
            if any(self._went_there(sent, rule, index) for rule in task.outputs):
                yield ResultSent(key, index, sent.path, sent.size_bytes, sent.sha256, f"{SCHEME}:{sent.lfn}")
        yield Collected(key, index, output.lost)

    def _went_there(self, sent: Sent, rule: OutputRule, index: int) -> bool:
        """Tell whether this rule sends such a file to that place: a job could make up another one."""
        if not rule.matches(sent.path):
            return False
        names = [destination(rule, self._settings.vo, of) for of in (None, index)]
        return sent.lfn in [f"{name}{sent.path}" if name and name.endswith("/") else name for name in names]


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
