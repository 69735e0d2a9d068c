"""Check that logs are the bytes that a command wrote, stream by stream."""

from __future__ import annotations

from base64 import b64decode

from common_compute_conformance.registry import check
from common_compute_conformance.specimens.ordinary import BRIM_STDOUT, PLAIN_STDERR, PLAIN_STDOUT
from common_compute_conformance.trial import Trial


@check("CC-LOG-001", specimens=("plain", "files", "brim"))
def logs_are_the_bytes_written(trial: Trial) -> None:
    """CC-LOG-001: a log is `text/plain` without a charset, exactly the bytes of its stream."""
    inputs = {
        each["path"]: each["source"]["content_base64"]
        for each in trial.workbench.specimen("files").body["inputs"]
    }
    wanted = {
        "plain": (PLAIN_STDOUT.encode(), PLAIN_STDERR.encode()),
        "files": (
            b64decode(inputs["out.in"]) + 2 * b64decode(inputs["seed.in"]),
            b64decode(inputs["err.in"]),
        ),
        "brim": (BRIM_STDOUT.encode(), b""),
    }
    for name, streams in wanted.items():
        job = trial.workbench.succeeded(name)
        for stream, content in zip(("stdout", "stderr"), streams, strict=True):
            exchange = trial.client.call("get_log", job_id=str(job["id"]), stream=stream).expect(200)
            trial.equal(content, exchange.content, f"{stream} of {name}")
            trial.equal(
                "text/plain", exchange.headers.get("content-type"), f"the Content-Type of {stream} of {name}"
            )
            trial.witness(f"{stream} of {job['id']} ({name}): {len(content)} bytes as written")


@check("CC-LOG-002", specimens=("plain",))
def other_logs_are_not_found(trial: Trial) -> None:
    """CC-LOG-002: another stream, or an index out of range, is 404; index 0 is the log."""
    job_id = str(trial.workbench.succeeded("plain")["id"])
    for stream in ("stdin", "STDOUT", "both", "stdout.txt"):
        trial.client.call("get_log", job_id=job_id, stream=stream).problem(404, "not-found")
    for index in ("1", "1000000"):
        exchange = trial.client.call("get_log", job_id=job_id, stream="stdout", query=[("task_index", index)])
        exchange.problem(404, "not-found")
    zero = trial.client.call("get_log", job_id=job_id, stream="stdout", query=[("task_index", "0")]).expect(
        200
    )
    trial.equal(PLAIN_STDOUT.encode(), zero.content, "stdout of task 0")
    trial.witness(f"{job_id} has stdout and stderr of task 0, and no other log")
