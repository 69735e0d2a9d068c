"""What a task leaves at a mocked facility: logs and results, less those that its scenario lets be lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from common_compute_connector.plan import OutputRule
from common_compute_connector.protocol import Collected, EndedTask, LogBytes, ResultBytes, Stream
from common_compute_mocks.interpreter.machine import Run
from common_compute_mocks.scenarios import Huge, Results

STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
_CHUNK = 256 * 1024
_BLOCK = 1024 * 1024
_LINE = 64


async def collected(
    task: EndedTask, run: Run, results: Results, limits: Mapping[str, int]
) -> AsyncIterator[LogBytes | ResultBytes | Collected]:
    """Give logs and declared files of a run, and name what is lost of them.

    Of a log the beginning comes home, and of the results as many as fit, as the facility's limits are.
    """
    key, index = task.part.key, task.index
    most_of_a_log, room = limits.get("max_log_bytes"), limits.get("max_results_bytes")
    left = room
    lost = []
    for stream in STREAMS:
        if results.logs_lost:
            lost.append(f"the log {stream} is no longer there")
        else:
            yield LogBytes(key, index, stream, chunks(run.log(stream)[:most_of_a_log]))
    paths = [path for path in sorted(run.files) if _fits(path, task.outputs)]
    written = [path for path in paths if not _fits(path, results.missing)]
    sizes = _huge_sizes(written, results.huge)
    for path in written:
        size = sizes.get(path, len(run.files[path]))
        if _fits(path, results.lost):
            lost.append(f"the result {path} is no longer there")
            continue
        if left is not None and size > left:
            lost.append(f"{path} is too much for the {room} bytes of results that come home")
            continue
        left = None if left is None else left - size
        if path in sizes:
            yield ResultBytes(key, index, path, huge_chunks(sizes[path]))
        else:
            yield ResultBytes(key, index, path, chunks(run.files[path]))
    yield Collected(key, index, tuple(lost))


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    """Give bytes piece by piece."""
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


async def huge_chunks(size: int) -> AsyncIterator[bytes]:
    """Give so many bytes, one block at a time: a line that tells where it begins, then zeros."""
    rest = bytes(_BLOCK - _LINE)
    for start in range(0, size, _BLOCK):
        line = f"block at byte {start} of {size}".ljust(_LINE - 1) + "\n"
        yield (line.encode() + rest)[: size - start]


def _fits(path: str, rules: Sequence[OutputRule]) -> bool:
    return any(rule.matches(path) for rule in rules)


def _huge_sizes(paths: Sequence[str], huge: Sequence[Huge]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for entry in huge:
        first = next((path for path in paths if path not in sizes and entry.rule.matches(path)), None)
        if first is not None:
            sizes[first] = entry.size_bytes
    return sizes
