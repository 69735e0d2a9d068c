"""Check that what a facility announces as its limits is where it refuses: above them, and not at them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from common_compute_conformance.checks.acceptance import accepted
from common_compute_conformance.checks.refusals import Near, refused
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.ordinary import COUNTED
from common_compute_conformance.trial import Trial

_LIMITED_BY_QUEUES = ("cpu_cores", "memory_bytes", "wall_time_seconds")
_LARGEST = 2**53 - 1  # of the contract's integers
_BODY_BYTES = 4096  # of all but what is measured


@check("CC-VAL-012")
def resources_have_their_limits(trial: Trial) -> None:
    """CC-VAL-012: a resource above its `max`, or above the limit of its queue, is 422 `limit-exceeded`."""
    for name in COUNTED:
        capability = trial.target.resource(name)
        if capability["support"] == "unsupported" or int(capability.get("max", _LARGEST)) >= _LARGEST:
            continue
        body = trial.workbench.trivial(resources={name: int(capability["max"]) + 1})
        refused(trial, body, "limit-exceeded", pointer=f"/resources/{name}", what=f"{name} above its max")
        trial.witness(f"{name} above {capability['max']}: limit-exceeded")
    if trial.target.resource("queue")["support"] != "unsupported":
        _limits_of_queues(trial)
    elif not trial.target.facility["queues"]:
        _the_largest_values(trial)
    if not trial.witnesses:
        trial.not_applicable("the facility announces no limit of a resource")


def _the_largest_values(trial: Trial) -> None:
    for name in COUNTED:
        capability = trial.target.resource(name)
        if capability["support"] != "unsupported" and int(capability.get("max", 0)) > 0:
            value = int(capability["max"])
            accepted(
                trial, trial.workbench.trivial(resources={name: value}), f"{name} {value}, which is its max,"
            )


def _limits_of_queues(trial: Trial) -> None:
    for queue in trial.target.facility["queues"]:
        for name in _LIMITED_BY_QUEUES:
            capability = trial.target.resource(name)
            if f"max_{name}" not in queue or capability["support"] == "unsupported":
                continue
            limit = int(queue[f"max_{name}"])
            body = trial.workbench.trivial(resources={"queue": queue["name"], name: limit + 1})
            what = f"{name} {limit + 1} in the queue {queue['name']}"
            refused(trial, body, "limit-exceeded", pointer=f"/resources/{name}", what=what)
            trial.witness(f"{what}: limit-exceeded")
            if limit <= int(capability.get("max", limit)):
                body = trial.workbench.trivial(resources={"queue": queue["name"], name: limit})
                accepted(trial, body, f"{name} {limit} in the queue {queue['name']}")


@check("CC-VAL-012", specimens=("optional",))
def values_off_the_granularity_are_accepted(trial: Trial) -> None:
    """CC-VAL-012: a resource that is no multiple of the granularity is accepted."""
    if not any(trial.target.resource(name).get("granularity", 1) > 1 for name in COUNTED):
        trial.not_applicable("the facility announces no granularity")
    specimen = trial.workbench.specimen("optional")
    trial.witness(f"the job {specimen.id} was accepted with {specimen.body['resources']}")


def _largest_body(trial: Trial) -> int:
    return int(trial.target.service_info["limits"]["max_request_bytes"])


@check("CC-VAL-013")
def inline_inputs_have_a_limit(trial: Trial) -> None:
    """CC-VAL-013: inline inputs of more than `max_inline_total_bytes` together are 422 `limit-exceeded`."""
    limit = int(trial.target.limits["max_inline_total_bytes"])
    if (limit + 4) * 4 // 3 + _BODY_BYTES > _largest_body(trial):
        trial.not_applicable("no body is large enough to exceed max_inline_total_bytes")

    def body(size: int) -> dict[str, Any]:
        halves = [bytes(size // 2), bytes(size - size // 2)]
        inputs = [
            {"path": f"{number}.in", "source": {"kind": "inline", "content_base64": b64encode(half).decode()}}
            for number, half in enumerate(halves)
        ]
        return trial.workbench.trivial(inputs=inputs)

    near = Near.AROUND_OR_WITHIN
    refused(
        trial, body(limit + 1), "limit-exceeded", pointer="/inputs", what="too many inline bytes", near=near
    )
    trial.witness(f"{limit + 1} inline bytes in two inputs: limit-exceeded")
    accepted(trial, body(limit), f"{limit} inline bytes in two inputs")


@check("CC-VAL-013")
def the_environment_has_a_limit(trial: Trial) -> None:
    """CC-VAL-013: an environment of more than `max_environment_bytes`, names and values, is 422."""
    limit = int(trial.target.limits["max_environment_bytes"])
    if limit + _BODY_BYTES > _largest_body(trial):
        trial.not_applicable("no body is large enough to exceed max_environment_bytes")
    half = limit // 2
    for what, environment in {
        # Two bytes to a letter: who counts letters lets it through.
        "a value of more bytes than letters": {"A": "é" * (half + 1)},
        "a value with its name": {"NAME": "x" * (limit - 3)},
        "two variables together": {"A": "x" * half, "B": "x" * (limit - half)},
    }.items():
        body = trial.workbench.trivial(environment=environment)
        near = Near.AROUND_OR_WITHIN
        refused(trial, body, "limit-exceeded", pointer="/environment", what=what, near=near)
        trial.witness(f"{what}, of more than {limit} bytes: limit-exceeded")
    fits = {"A": "x" * (half - 1), "B": "x" * (limit - half - 1)}
    accepted(trial, trial.workbench.trivial(environment=fits), f"an environment of {limit} bytes")


@check("CC-VAL-013")
def parameters_count_as_environment(trial: Trial) -> None:
    """CC-VAL-013: the parameters of the largest task count to `max_environment_bytes`."""
    if not trial.target.claims("arrays"):
        trial.not_applicable("the facility does not claim arrays")
    limit = int(trial.target.limits["max_environment_bytes"])
    if limit + _BODY_BYTES > _largest_body(trial):
        trial.not_applicable("no body is large enough to exceed max_environment_bytes")
    small, large = {"P": "x"}, {"P": "x" * (limit - 10)}
    tasks = [small, large][-min(2, int(trial.target.limits["max_array_tasks"])) :]
    body = trial.workbench.trivial(environment={"NAME": "xxxxxxx"}, array={"parameters": tasks})
    refused(trial, body, "limit-exceeded", what="a task whose parameters are too many bytes")
    trial.witness(f"a task of more than {limit} bytes of environment and parameters: limit-exceeded")


@check("CC-VAL-018")
def arrays_have_a_limit(trial: Trial) -> None:
    """CC-VAL-018: an array of more than `max_array_tasks` tasks is 422 `limit-exceeded`."""
    limit = int(trial.target.limits["max_array_tasks"])
    cases: dict[str, dict[str, Any]] = {"/array/count": {"count": limit + 1}}
    if limit < 50_000 and (limit + 1) * 16 + _BODY_BYTES < _largest_body(trial):
        cases["/array/parameters"] = {"parameters": [{"P": str(number)} for number in range(limit + 1)]}
    for pointer, array in cases.items():
        body = trial.workbench.trivial(array=array)
        what = f"an array of {limit + 1} tasks"
        refused(trial, body, "limit-exceeded", pointer=pointer, what=what, near=Near.AROUND_OR_WITHIN)
        trial.witness(f"{limit + 1} tasks by {pointer}: limit-exceeded")
    accepted(trial, trial.workbench.trivial(array={"count": limit}), f"an array of {limit} tasks")
