"""Bring results into a directory, each compared with its announced sha256, and written whole or not."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from common_compute_cli.client import Client
from common_compute_cli.errors import DamagedDownload, WrongUsage
from common_compute_cli.wire import Document


@dataclass(frozen=True)
class Download:
    """A result of which the bytes are here now, compared with `sha256`."""

    path: Path
    size_bytes: int
    sha256: str
    task_index: int | None


def download_results(client: Client, job_id: str, directory: Path) -> Iterator[Download]:
    """Bring every result of a job into a directory, those of an array into one directory per task.

    Results that were sent to a destination of the caller's have no bytes here and are left out.

    Raises:
        DamagedDownload: what came is not what was announced.
        WrongUsage: a file cannot be written, or the server names one outside the directory.
    """
    for result in client.list_results(job_id):
        if "location" not in result:
            yield _download(client, job_id, result, directory)


def local_path(result: Document, directory: Path) -> Path:
    """Give the place of a result under a directory; a path that would leave it is refused."""
    path = PurePosixPath(result["path"])
    if path.is_absolute() or ".." in path.parts or "\x00" in result["path"] or not path.parts:
        raise WrongUsage(
            f"The server names a result {result['path']!r}, which is no place below {directory}."
        )
    task = [f"task-{result['task_index']:04d}"] if "task_index" in result else []
    return directory.joinpath(*task, *path.parts)


def _download(client: Client, job_id: str, result: Document, directory: Path) -> Download:
    target = local_path(result, directory)
    digest = hashlib.sha256()
    count = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the last step is a rename within one file system.
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as part:
            written = Path(part.name)
            try:
                with client.get_result(job_id, result["id"]) as pieces:
                    for piece in pieces:
                        part.write(piece)
                        digest.update(piece)
                        count += len(piece)
                part.close()
                if digest.hexdigest() != result["sha256"]:
                    raise DamagedDownload(target, result["sha256"], digest.hexdigest())
                written.chmod(0o644)
                written.replace(target)
            finally:
                written.unlink(missing_ok=True)
    except OSError as error:
        raise WrongUsage(f"{target} cannot be written: {error.strerror}") from error
    return Download(target, count, digest.hexdigest(), result.get("task_index"))
