"""Bring logs and results of ended tasks into the store's own keeping, before their end is published."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from common_compute_connector.plan import missing_outputs
from common_compute_connector.protocol import (
    Collected,
    Connector,
    EndedTask,
    LogBytes,
    PartKey,
    ResultBytes,
    ResultSent,
)
from common_compute_connector.store.content import Content
from common_compute_connector.store.results import LogRecord, ResultRecord, log_name

_UNKNOWN_TYPE = "application/octet-stream"
_TEXT = {".csv": "text/csv", ".json": "application/json", ".md": "text/markdown", ".svg": "image/svg+xml"}


@dataclass(slots=True)
class Harvest:
    """What came home of one task; `missing` names required globs that nothing fits."""

    key: PartKey
    index: int
    results: list[ResultRecord] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lost: Sequence[str] = ()


async def collect_tasks(
    connector: Connector, content: Content, ended: Sequence[EndedTask], harvests: list[Harvest]
) -> None:
    """Append to `harvests` each task that has come home whole; what an error interrupts is asked for again.

    Raises:
        FacilityUnavailable: as the connector does; the harvests so far stand.
    """
    rules = {(task.part.key, task.index): task.outputs for task in ended}
    open_harvests = {at: Harvest(*at) for at in rules}
    async for item in connector.collect(ended):
        harvest = open_harvests[item.key, item.index]
        if isinstance(item, LogBytes):
            harvest.logs = [log for log in harvest.logs if log.stream != item.stream]
            harvest.logs.append(await _keep_log(content, item))
        elif isinstance(item, ResultBytes):
            harvest.results = [result for result in harvest.results if result.path != item.path]
            harvest.results.append(await _keep_result(content, item))
        elif isinstance(item, ResultSent):
            harvest.results.append(_record_of(item, item.size_bytes, item.sha256, item.location))
        elif isinstance(item, Collected):
            harvest.lost = tuple(item.lost)
            harvest.results = [result for result in harvest.results if result.path not in item.withdrawn]
            harvest.missing = missing_outputs(
                rules[item.key, item.index], [result.path for result in harvest.results]
            )
            harvests.append(harvest)


async def _keep_log(content: Content, item: LogBytes) -> LogRecord:
    job_id = item.key.job_id
    kept = await content.keep(job_id, log_name(item.index, item.stream), item.chunks)
    return LogRecord(job_id, item.index, item.stream, kept.size_bytes)


async def _keep_result(content: Content, item: ResultBytes) -> ResultRecord:
    record = _record_of(item)
    kept = await content.keep(record.job_id, record.content_name, item.chunks)
    return replace(record, size_bytes=kept.size_bytes, sha256=kept.sha256)


def _record_of(
    item: ResultBytes | ResultSent, size_bytes: int = 0, sha256: str = "", location: str | None = None
) -> ResultRecord:
    # The id says nothing of the path and is the same when a task is collected twice.
    name = f"{item.index}\0{item.path}".encode("utf-8", "surrogatepass")
    return ResultRecord(
        job_id=item.key.job_id,
        task_index=item.index,
        path=item.path,
        id=hashlib.sha256(name).hexdigest()[:32],
        size_bytes=size_bytes,
        sha256=sha256,
        media_type=item.media_type or _media_type(item.path),
        location=location,
    )


def _media_type(path: str) -> str:
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    return _TEXT.get(suffix) or mimetypes.types_map.get(suffix, _UNKNOWN_TYPE)
