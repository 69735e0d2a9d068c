"""Check how jobs end: exit codes, signals, limits, reasons."""

from __future__ import annotations

from collections.abc import Iterator

from common_compute_conformance.contract import Document
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.arrays import KILLED
from common_compute_conformance.specimens.endings import SINGLE_CODES, single
from common_compute_conformance.trial import Trial

_SIGKILL = 9
_SIGTERM = 15
_ENDED = ("plain", "brim", "exit-nonzero", "signal", "no-command", "output-missing", "optional")


def _failed(trial: Trial, name: str) -> Document:
    job = trial.workbench.final(name)
    trial.equal("failed", job["state"], f"the state of the job {job['id']} ({name})")
    return job


def _reason(trial: Trial, job: Document, code: str) -> None:
    what = job.get("id", f"task {job.get('index')}")
    trial.equal(code, job["reason"]["code"], f"the reason of {what}")


@check("CC-JOB-014", specimens=("over-time",))
def wall_time_is_enforced(trial: Trial) -> None:
    """CC-JOB-014: a job beyond its wall time is failed, with `wall-time-exceeded`."""
    granularity = int(trial.target.resource("wall_time_seconds").get("granularity", 1))
    specimen = trial.workbench.specimen("over-time")
    trial.workbench.settle(specimen, trial.pace.job_patience + 2 * granularity)
    job = _failed(trial, "over-time")
    _reason(trial, job, "wall-time-exceeded")
    trial.witness(f"the job {job['id']}, given 1 s and sleeping for 300, ended with {job['reason']}")


@check("CC-JOB-016", specimens=("plain", "brim"))
def exit_code_0_succeeds(trial: Trial) -> None:
    """CC-JOB-016: a command that exits with 0 and keeps its outputs ends as succeeded."""
    for name in ("plain", "brim"):
        job = trial.workbench.succeeded(name)
        trial.equal(0, job.get("exit_code"), f"the exit code of the job {job['id']}")
        trial.witness(f"the job {job['id']} ({name}) succeeded with exit code 0")


def _codes(trial: Trial) -> Iterator[tuple[int, Document]]:
    """Yield the exit codes of the specimens that end with one, each with the job or task that it ended."""
    yield 3, _failed(trial, "exit-nonzero")
    for code in SINGLE_CODES:
        if trial.workbench.applies(single(code)):
            yield code, _failed(trial, single(code))
    if trial.workbench.applies("exits"):
        job_id = str(trial.workbench.final("exits")["id"])
        codes = trial.workbench.specimen("exits").body["command"][4:]
        for task in trial.workbench.walk("list_tasks", "tasks", job_id=job_id):
            index = int(task["index"])
            if index < len(codes) and codes[index] not in ("0", KILLED):
                yield int(codes[index]), task


def _ended_with_their_code(trial: Trial, lowest: int, highest: int) -> list[tuple[int, Document]]:
    found = [(code, each) for code, each in _codes(trial) if lowest <= code <= highest]
    for code, each in found:
        shown = (each["state"], each.get("exit_code"), each.get("signal"))
        trial.equal(
            ("failed", code, None), shown, f"state, exit code and signal of a command that exits with {code}"
        )
    codes = sorted({code for code, _ in found})
    trial.require(bool(codes), f"no job of this facility exits with a code from {lowest} to {highest}")
    trial.witness(f"commands that exited with {', '.join(map(str, codes))} failed with just that exit code")
    return found


@check("CC-JOB-017", specimens=("exit-nonzero", "exits", *map(single, SINGLE_CODES)))
def each_exit_code_comes_home(trial: Trial) -> None:
    """CC-JOB-017: exit codes from 1 to 125 come home as they are, with the reason `exit-nonzero`."""
    for code, each in _ended_with_their_code(trial, 1, 125):
        trial.equal("exit-nonzero", each["reason"]["code"], f"the reason of a command that exits with {code}")


@check("CC-JOB-056", specimens=("exits", *map(single, SINGLE_CODES)))
def high_exit_codes_come_home(trial: Trial) -> None:
    """CC-JOB-056: exit codes from 126 to 255 come home as they are, and are no signals."""
    _ended_with_their_code(trial, 126, 255)


@check("CC-JOB-018", specimens=("signal", "exits"))
def signals_fail(trial: Trial) -> None:
    """CC-JOB-018: death by signal is `signal` n or `exit_code` 128+n, never both."""
    job = _failed(trial, "signal")
    shown = (job.get("signal"), job.get("exit_code"))
    trial.require(
        shown in ((_SIGTERM, None), (None, 128 + _SIGTERM)), f"signal and exit_code of SIGTERM are {shown}"
    )
    if trial.target.has_reason("signal"):
        trial.equal(_SIGTERM, job.get("signal"), "the signal, which the facility says it can tell")
        _reason(trial, job, "signal")
    if trial.workbench.applies("exits"):
        _killed(trial)
    trial.witness(f"{job['id']}, ended by SIGTERM: signal {shown[0]}, exit code {shown[1]}, {job['reason']}")


def _killed(trial: Trial) -> None:
    """Look at the task that ends itself by SIGKILL, which is nobody's verdict about memory."""
    job_id = str(trial.workbench.final("exits")["id"])
    codes = trial.workbench.specimen("exits").body["command"][4:]
    for task in trial.workbench.walk("list_tasks", "tasks", job_id=job_id):
        if codes[int(task["index"])] != KILLED:
            continue
        shown = (task.get("signal"), task.get("exit_code"))
        trial.require(
            shown in ((_SIGKILL, None), (None, 128 + _SIGKILL)),
            f"signal and exit_code of SIGKILL are {shown}",
        )
        if trial.target.has_reason("signal") and shown[0] == _SIGKILL:
            _reason(trial, task, "signal")
        trial.witness(f"task {task['index']} of {job_id}, ended by SIGKILL: {shown}, {task['reason']}")


@check("CC-JOB-019", specimens=("no-command",))
def missing_commands_fail(trial: Trial) -> None:
    """CC-JOB-019: a command that does not exist ends with 126, 127 or no exit code."""
    job = _failed(trial, "no-command")
    trial.require(job.get("exit_code") in (126, 127, None), f"the exit code is {job.get('exit_code')}")
    if trial.target.has_reason("command-not-found"):
        _reason(trial, job, "command-not-found")
    trial.witness(f"the job {job['id']} failed with exit code {job.get('exit_code')}, {job['reason']}")


@check("CC-JOB-021", specimens=_ENDED)
def endings_have_their_reason(trial: Trial) -> None:
    """CC-JOB-021: failed and cancelled jobs carry a reason, succeeded ones none."""
    for name in _ENDED:
        job = trial.workbench.final(name)
        if job["state"] == "succeeded":
            trial.require(
                "reason" not in job, f"the job {job['id']} succeeded and has the reason {job.get('reason')}"
            )
        else:
            trial.require(
                bool(job["reason"]["code"]), f"the job {job['id']} is {job['state']} without a reason"
            )
        trial.witness(f"{name}: {job['state']}, {job.get('reason', 'no reason')}")
    states = {trial.workbench.final(name)["state"] for name in _ENDED}
    trial.require({"succeeded", "failed"} <= states, f"the jobs ended only as {sorted(states)}")
