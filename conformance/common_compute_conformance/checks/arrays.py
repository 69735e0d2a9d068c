"""Check array jobs: their tasks, how they add up, and what belongs to which task."""

from __future__ import annotations

from collections import Counter
from typing import Any

from common_compute_conformance.checks.refusals import Near, refused
from common_compute_conformance.contract import Document, instant
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.arrays import WITHOUT_OUTPUT
from common_compute_conformance.trial import Trial

_ARRAYS = ("parameters", "exits")


def _tasks(trial: Trial, name: str, *query: tuple[str, str]) -> list[Document]:
    job_id = str(trial.workbench.final(name)["id"])
    return trial.workbench.walk("list_tasks", "tasks", query, job_id=job_id)


def _end(trial: Trial, index: int) -> str:
    """Return what a task of `exits` ends with: the script has them as its arguments, in order."""
    return str(trial.workbench.specimen("exits").body["command"][4 + index])


@check("CC-TASK-001", specimens=("plain",))
def a_plain_job_is_one_task(trial: Trial) -> None:
    """CC-TASK-001: a job that is no array has one task, index 0, and no `task_counts`."""
    job = trial.workbench.succeeded("plain")
    trial.require("task_counts" not in job, "a job that is no array carries task_counts")
    tasks = _tasks(trial, "plain")
    trial.equal(
        [(0, "succeeded", 0)],
        [(each["index"], each["state"], each.get("exit_code")) for each in tasks],
        "tasks",
    )
    trial.witness(f"{job['id']} has the one task 0")


@check("CC-TASK-002", specimens=_ARRAYS)
def an_array_has_its_tasks(trial: Trial) -> None:
    """CC-TASK-002: an array job has one id and the tasks 0 to N-1."""
    for name in _ARRAYS:
        array = trial.workbench.specimen(name).body["array"]
        wanted = list(range(array["count"] if "count" in array else len(array["parameters"])))
        trial.equal(wanted, [each["index"] for each in _tasks(trial, name)], f"the tasks of {name}")
        trial.witness(f"{trial.workbench.specimen(name).id} ({name}) has the tasks {wanted}")


@check("CC-TASK-007", specimens=("exits",))
def tasks_are_listed_in_order(trial: Trial) -> None:
    """CC-TASK-007: tasks come by ascending index, and `state` selects."""
    everything = _tasks(trial, "exits")
    indices = [each["index"] for each in everything]
    trial.equal(sorted(indices), indices, "the order of the tasks")
    for states in (["succeeded"], ["failed"], ["succeeded", "failed"], ["cancelled"]):
        found = _tasks(trial, "exits", *(("state", state) for state in states))
        wanted = [each["index"] for each in everything if each["state"] in states]
        trial.equal(wanted, [each["index"] for each in found], f"the tasks with state={states}")
    trial.witness(
        f"{len(indices)} tasks in order; by state {Counter(str(each['state']) for each in everything)}"
    )


@check("CC-TASK-008", specimens=_ARRAYS)
def tasks_are_counted(trial: Trial) -> None:
    """CC-TASK-008: `task_counts` tells the total, and the states' numbers add up to it."""
    for name in _ARRAYS:
        specimen = trial.workbench.specimen(name)
        job = trial.workbench.final(name)
        tasks = _tasks(trial, name)
        for look in [specimen.submitted, *specimen.looks]:
            counts = dict(look.document()["task_counts"])
            total = counts.pop("total")
            trial.equal(len(tasks), total, f"task_counts.total of {name}")
            trial.equal(
                total, sum(counts[state] for state in trial.transitions.states), f"the sum of {counts}"
            )
        states = Counter(str(each["state"]) for each in tasks)
        wanted = {state: states[state] for state in trial.transitions.states}
        told = {state: job["task_counts"][state] for state in trial.transitions.states}
        trial.equal(wanted, told, f"task_counts of {name}")
        trial.witness(f"{job['id']} ({name}): {dict(states)}, in {len(specimen.looks) + 1} looks")


@check("CC-TASK-009", specimens=_ARRAYS)
def an_array_ends_as_its_tasks(trial: Trial) -> None:
    """CC-TASK-009: an array job fails with the reason of its lowest failed task, else succeeds."""
    job = trial.workbench.succeeded("parameters")
    trial.equal(
        {"succeeded"}, {each["state"] for each in _tasks(trial, "parameters")}, "the states of its tasks"
    )
    trial.witness(f"{job['id']}: every task succeeded, and so did the job")
    tasks = _tasks(trial, "exits")
    if len(tasks) < 2:
        return  # no array can have a task that fails beside one that does not
    for task in tasks:
        index = int(task["index"])
        wanted = "failed" if index == WITHOUT_OUTPUT or _end(trial, index) != "0" else "succeeded"
        trial.equal(
            wanted, task["state"], f"the state of task {index}, which exits with {_end(trial, index)}"
        )
    exits = trial.workbench.final("exits")
    trial.equal("failed", exits["state"], "the state of an array of which some tasks failed")
    lowest = next(each for each in tasks if each["state"] == "failed")
    trial.equal(
        lowest["reason"]["code"], exits["reason"]["code"], "the reason, which is the lowest failed task's"
    )
    trial.witness(
        f"{exits['id']}: its lowest failed task is {lowest['index']}, and so did the job: {exits['reason']}"
    )


@check("CC-TASK-009", specimens=_ARRAYS)
def an_array_waits_for_all_its_tasks(trial: Trial) -> None:
    """CC-TASK-009: an array job is terminal only when all its tasks are."""
    for name in _ARRAYS:
        for look in trial.workbench.specimen(name).looks:
            job = look.document()
            open_tasks = sum(
                job["task_counts"][state]
                for state in trial.transitions.states
                if state not in trial.transitions.terminal
            )
            terminal = job["state"] in trial.transitions.terminal
            trial.equal(
                terminal,
                open_tasks == 0,
                f"{name} is {job['state']} with {open_tasks} tasks that have not ended",
            )
        trial.witness(
            f"{name}: in {len(trial.workbench.specimen(name).looks)} looks terminal just when all tasks were"
        )


@check("CC-TASK-011", specimens=_ARRAYS)
def an_array_sums_up_its_tasks(trial: Trial) -> None:
    """CC-TASK-011: attempt 1, no exit code or signal, the earliest start and the latest end."""
    for name in _ARRAYS:
        job, tasks = trial.workbench.final(name), _tasks(trial, name)
        trial.equal(1, job["attempt"], f"attempt of {name}")
        trial.require(
            "exit_code" not in job and "signal" not in job, f"{name} shows an exit code or a signal"
        )
        for member, choose in (("started_at", min), ("finished_at", max)):
            moments = [instant(each[member]) for each in tasks if member in each]
            if moments:
                trial.equal(choose(moments), instant(job[member]), f"{member} of {name}")
        times = f"{job.get('started_at', 'untold')} to {job.get('finished_at', 'untold')}"
        trial.witness(f"{job['id']} ({name}): attempt 1, no exit code of its own, {times}, as its tasks")


@check("CC-TASK-012", specimens=_ARRAYS)
def what_differs_is_not_summed_up(trial: Trial) -> None:
    """CC-TASK-012: `native` of an array job is absent where its tasks differ in it."""
    for name in _ARRAYS:
        job, tasks = trial.workbench.final(name), _tasks(trial, name)
        natives = [each.get("native") for each in tasks]
        if all(native == natives[0] for native in natives):
            continue
        trial.require(
            "native" not in job, f"{name} shows native {job.get('native')}, but its tasks differ in it"
        )
        trial.witness(
            f"{job['id']} ({name}): {len(natives)} tasks that differ in native, and none for the job"
        )
    if not trial.witnesses:
        trial.not_applicable("the tasks of this facility do not differ in native")


@check("CC-RES-013", specimens=_ARRAYS)
def results_belong_to_their_task(trial: Trial) -> None:
    """CC-RES-013: results carry the `task_index` of their task, and `task_index=` selects."""
    trial.workbench.final("exits")
    job_id = trial.workbench.specimen("exits").id
    everything = trial.workbench.results("exits")
    for task in _tasks(trial, "exits"):
        index = int(task["index"])
        if index == WITHOUT_OUTPUT:
            continue
        wanted = [each for each in everything if each["task_index"] == index]
        trial.equal(["index.seen"], [each["path"] for each in wanted], f"the results of task {index}")
        query = [("task_index", str(index))]
        found = trial.workbench.walk("list_results", "results", query, job_id=job_id)
        trial.equal(wanted, found, f"the results with task_index={index}")
        content = trial.workbench.content("exits", "index.seen", index)
        trial.equal(str(index).encode(), content, f"what task {index} wrote")
    far = trial.workbench.walk("list_results", "results", [("task_index", "1000000")], job_id=job_id)
    trial.equal([], far, "the results of a task out of range")
    trial.witness(f"{len(everything)} results of {job_id}, each of its task")


@check("CC-LOG-006", specimens=("parameters",))
def logs_belong_to_their_task(trial: Trial) -> None:
    """CC-LOG-006: get_log gives the log of `task_index`, and without one is 422."""
    job_id = str(trial.workbench.succeeded("parameters")["id"])
    for task in _tasks(trial, "parameters"):
        index = str(task["index"])
        log = trial.workbench.log("parameters", "stdout", [("task_index", index)])
        trial.equal(f"task {index}".encode(), log, f"stdout of task {index}")
    missing = trial.client.call("get_log", job_id=job_id, stream="stdout")
    named = [error.get("parameter") for error in missing.problem(422)["errors"]]
    trial.require("task_index" in named, f"{missing}: the errors name {named}")
    far = trial.client.call("get_log", job_id=job_id, stream="stdout", query=[("task_index", "1000000")])
    far.problem(404, "not-found")
    trial.witness(f"each task of {job_id} has its own log; without task_index 422")


@check("CC-VAL-019")
def parameters_are_looked_at(trial: Trial) -> None:
    """CC-VAL-019: array parameters that differ in names, are no strings or collide are 422."""
    cases: dict[str, Any] = {
        "other names in the second task": [{"A": "1"}, {"B": "1"}],
        "a name more in the second task": [{"A": "1"}, {"A": "1", "B": "1"}],
        "a number for a value": [{"A": 1}],
        "a null for a value": [{"A": None}],
        "a name in use in environment": [{"USED": "1"}],
        "a reserved name": [{"CC_X": "1"}],
        "a name that is none": [{"A-B": "1"}],
        "no task": [],
        "a task without parameters": [{}],
        "a number in the second task": [{"A": "1"}, {"A": 1}],
        "a reserved name in the second task too": [{"CC_X": "1"}, {"CC_X": "2"}],
        "a NUL in a value": [{"A": "a\0b"}],
    }
    limit = int(trial.target.limits["max_array_tasks"])
    for what, parameters in cases.items():
        if len(parameters) > limit:
            continue
        body = trial.workbench.trivial(environment={"USED": "x"}, array={"parameters": parameters})
        # A name that is in use may be healed on either side.
        pointer = "/array/parameters" if what != "a name in use in environment" else None
        refused(trial, body, "invalid-request", pointer=pointer, what=what, near=Near.AROUND_OR_WITHIN)
        trial.witness(f"{what}: 422")
    both = trial.workbench.trivial(array={"count": 1, "parameters": [{"A": "1"}]})
    refused(trial, both, "invalid-request", pointer="/array", what="count and parameters together")
    neither = trial.workbench.trivial(array={})
    refused(trial, neither, "invalid-request", pointer="/array", what="an array of nothing")
    trial.witness("count and parameters together, and neither of them: 422")


@check("CC-VAL-020")
def unknown_placeholders_are_refused(trial: Trial) -> None:
    """CC-VAL-020: a `{{NAME}}` that names nothing is 422 in an array job."""
    trivial = trial.workbench.trivial
    array = {"parameters": [{"WORD": "x"}]}
    source = {"kind": "inline", "content_base64": ""}
    for pointer, body in {
        "/command/2": {**trivial(array=array), "command": ["printf", "%s", "a{{OTHER}}b"]},
        "/environment/A": trivial(array=array, environment={"A": "{{word}}"}),
        "/inputs/0/path": trivial(array=array, inputs=[{"path": "{{OTHER}}", "source": source}]),
        "/outputs/0/path": trivial(array=array, outputs=[{"path": "{{WORD}}-{{CC_JOB_ID}}"}]),
    }.items():
        refused(trial, body, "invalid-request", pointer=pointer, what=f"an unknown placeholder at {pointer}")
        trial.witness(f"an unknown placeholder at {pointer}: 422")
    count = {**trivial(array={"count": 1}), "command": ["printf", "%s", "{{WORD}}"]}
    refused(
        trial,
        count,
        "invalid-request",
        pointer="/command/2",
        what="a placeholder in an array without parameters",
    )
    trial.witness("a placeholder in an array without parameters: 422")
