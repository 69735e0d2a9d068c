"""Overlook what the facility does not offer, or refuse what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.specification import Spec, drop, facility_of, objects, reading, texts

_EMPTY = {"kind": "inline", "content_base64": ""}


def is_refused_for(answer: Answer, *codes: str) -> bool:
    """Tell whether an answer is a 422 of one of these codes."""
    problem = answer.json() if answer.status == 422 else None
    return isinstance(problem, dict) and problem.get("code") in codes


def recoded(answer: Answer, code: str) -> Answer:
    """Return a problem under another code, in its faults as well."""

    def edit(problem: Spec) -> None:
        problem.update(code=code, type=f"urn:common-compute:problem:{code}")
        for error in problem.get("errors", []):
            error["code"] = code

    return answer.edited(edit)


@twists("CC-VAL-009")
async def not_find_a_facility(request: Request, forward: Forward) -> Answer:
    """A submission for an unknown facility is answered 404."""
    answer = await forward(request)
    if is_refused_for(answer, "unknown-facility"):
        return problem_answer(request, answer, 404, "not-found")
    return answer


@twists("CC-VAL-009")
async def call_an_unknown_facility_invalid(request: Request, forward: Forward) -> Answer:
    """A submission for an unknown facility is answered 422 `invalid-request`."""
    answer = await forward(request)
    return recoded(answer, "invalid-request") if is_refused_for(answer, "unknown-facility") else answer


@twists("CC-VAL-009")
async def send_strays_to_the_first_facility(request: Request, forward: Forward) -> Answer:
    """A submission for an unknown facility goes to the first one."""
    known = (await facility_of(request, forward)).get("id")

    def edit(spec: Spec) -> None:
        if isinstance(spec.get("facility_id"), str):
            spec["facility_id"] = known

    return await reading(request, forward, edit)


@twists("CC-VAL-010")
async def leave_results_where_they_are(request: Request, forward: Forward) -> Answer:
    """`destination` of an output is ignored at a facility without staging."""
    return await reading(
        request, forward, lambda spec: [each.pop("destination", None) for each in objects(spec, "outputs")]
    )


async def _inputs_of(request: Request, forward: Forward, kind: str) -> Answer:
    def edit(spec: Spec) -> None:
        for each in objects(spec, "inputs"):
            if texts(each, "source").get("kind") == kind:
                each["source"] = _EMPTY

    return await reading(request, forward, edit)


@twists("CC-VAL-010")
async def fetch_no_urls(request: Request, forward: Forward) -> Answer:
    """An input from a URL is an empty file at a facility without staging."""
    return await _inputs_of(request, forward, "url")


@twists("CC-VAL-010")
async def fetch_nothing_from_storage(request: Request, forward: Forward) -> Answer:
    """An input from storage is an empty file at a facility without staging."""
    return await _inputs_of(request, forward, "storage")


@twists("CC-VAL-010")
async def take_software_for_an_image(request: Request, forward: Forward) -> Answer:
    """Installed software at a facility without the class software is taken for an image of that name."""

    def edit(spec: Spec) -> None:
        if texts(spec, "software").get("kind") == "installed":
            spec["software"] = {"kind": "container", "image": "debian:12-slim"}

    return await reading(request, forward, edit)


@twists("CC-VAL-010", house="dirac")
async def take_an_image_for_software(request: Request, forward: Forward) -> Answer:
    """A container at a facility without the class container runs in the default software."""

    def edit(spec: Spec) -> None:
        if texts(spec, "software").get("kind") == "container":
            spec["software"] = {"kind": "installed", "name": "ctapipe"}

    return await reading(request, forward, edit)


@twists("CC-VAL-010")
async def call_a_missing_class_invalid(request: Request, forward: Forward) -> Answer:
    """A member that needs a class which is not claimed is answered 422 `invalid-request`."""
    answer = await forward(request)
    if is_refused_for(answer, "unsupported-capability") and not any(
        error.get("pointer", "").startswith("/resources") for error in answer.json()["errors"]
    ):
        return recoded(answer, "invalid-request")
    return answer


async def _resources(request: Request, forward: Forward, edit: Callable[[Spec, Spec], object]) -> Answer:
    """Read `resources` as `edit` leaves them, which is given the facility's document as well."""
    if not request.is_submission:
        return await forward(request)
    facility = await facility_of(request, forward)
    return await reading(request, forward, lambda spec: edit(texts(spec, "resources"), facility))


@twists("CC-VAL-011")
async def take_none_of_what_there_is_not(request: Request, forward: Forward) -> Answer:
    """0 GPUs are accepted where GPUs are not supported."""
    return await _resources(
        request, forward, lambda asked, _: drop(asked, lambda name, value: name == "gpus" and value == 0)
    )


@twists("CC-VAL-011")
async def ignore_what_is_unsupported(request: Request, forward: Forward) -> Answer:
    """A number of a resource that is not supported is ignored."""

    def edit(asked: Spec, facility: Spec) -> None:
        known = facility["resources"]
        drop(
            asked,
            lambda name, value: (
                isinstance(value, int) and known.get(name, {}).get("support") == "unsupported"
            ),
        )

    return await _resources(request, forward, edit)


@twists("CC-VAL-011")
async def fall_back_to_the_default_queue(request: Request, forward: Forward) -> Answer:
    """An unknown queue is taken for the default one."""

    def edit(asked: Spec, facility: Spec) -> None:
        names = [queue["name"] for queue in facility["queues"]]
        drop(asked, lambda name, value: name == "queue" and value not in names)

    return await _resources(request, forward, edit)


@twists("CC-VAL-011")
async def know_queues_in_any_case(request: Request, forward: Forward) -> Answer:
    """A queue is known by its name in capital letters, too."""

    def edit(asked: Spec, facility: Spec) -> None:
        if isinstance(asked.get("queue"), str) and asked["queue"].lower() in [
            queue["name"] for queue in facility["queues"]
        ]:
            asked["queue"] = asked["queue"].lower()

    return await _resources(request, forward, edit)


@twists("CC-VAL-011")
async def run_on_any_architecture(request: Request, forward: Forward) -> Answer:
    """An unknown architecture is accepted, as if the one that there is would do."""

    def edit(asked: Spec, facility: Spec) -> None:
        drop(asked, lambda name, value: name == "architecture" and value not in facility["architectures"])

    return await _resources(request, forward, edit)


@twists("CC-VAL-011", house="dirac")
async def run_at_any_site(request: Request, forward: Forward) -> Answer:
    """An unknown site is accepted, and the job runs anywhere."""

    def edit(asked: Spec, facility: Spec) -> None:
        drop(asked, lambda name, value: name == "site" and value not in facility["sites"])

    return await _resources(request, forward, edit)


@twists("CC-VAL-011")
async def call_an_unknown_queue_invalid(request: Request, forward: Forward) -> Answer:
    """An unknown queue is answered 422 `invalid-request`."""
    answer = await forward(request)
    asked = request.json()
    if isinstance(asked, dict) and "queue" in texts(asked, "resources"):
        return (
            recoded(answer, "invalid-request") if is_refused_for(answer, "unsupported-capability") else answer
        )
    return answer


_COUNTED = ("cpu_cores", "memory_bytes", "wall_time_seconds")


@twists("CC-VAL-012")
async def give_as_much_as_there_is(request: Request, forward: Forward) -> Answer:
    """A resource above its `max` is cut down to it."""

    def edit(asked: Spec, facility: Spec) -> None:
        for name in _COUNTED:
            if isinstance(asked.get(name), int):
                asked[name] = min(asked[name], facility["resources"][name]["max"])

    return await _resources(request, forward, edit)


@twists("CC-VAL-012")
async def overlook_the_limit_of_memory(request: Request, forward: Forward) -> Answer:
    """Memory above its `max` is accepted, unlike the other resources."""

    def edit(asked: Spec, facility: Spec) -> None:
        if isinstance(asked.get("memory_bytes"), int):
            asked["memory_bytes"] = min(asked["memory_bytes"], facility["resources"]["memory_bytes"]["max"])

    return await _resources(request, forward, edit)


@twists("CC-VAL-012")
async def overlook_limits_of_queues(request: Request, forward: Forward) -> Answer:
    """The limits of a queue are not looked at, only those of the facility."""

    def edit(asked: Spec, facility: Spec) -> None:
        for name in _COUNTED:
            value: Any = asked.get(name)
            if "queue" in asked and isinstance(value, int) and value <= facility["resources"][name]["max"]:
                asked[name] = 1

    return await _resources(request, forward, edit)


@twists("CC-VAL-012")
async def look_at_the_default_queue_only(request: Request, forward: Forward) -> Answer:
    """The limits of a queue are looked at if it is the default one, and no other's."""

    def edit(asked: Spec, facility: Spec) -> None:
        default = next(queue["name"] for queue in facility["queues"] if queue["default"])
        for name in _COUNTED:
            if asked.get("queue", default) != default and isinstance(asked.get(name), int):
                asked[name] = min(asked[name], 1)

    return await _resources(request, forward, edit)


@twists("CC-VAL-012")
async def keep_the_last_one(request: Request, forward: Forward) -> Answer:
    """A resource that is exactly its `max` is refused."""

    def edit(asked: Spec, facility: Spec) -> None:
        for name in _COUNTED:
            if asked.get(name) == facility["resources"][name]["max"]:
                asked[name] += 1

    return await _resources(request, forward, edit)


@twists("CC-VAL-012")
async def insist_on_the_granularity(request: Request, forward: Forward) -> Answer:
    """Memory that is no multiple of the granularity is refused."""

    def edit(asked: Spec, facility: Spec) -> None:
        memory: Any = asked.get("memory_bytes")
        if isinstance(memory, int) and memory % facility["resources"]["memory_bytes"]["granularity"]:
            asked["memory_bytes"] = "odd"

    return await _resources(request, forward, edit)


@twists("CC-VAL-012")
async def call_a_limit_unsupported(request: Request, forward: Forward) -> Answer:
    """A resource above its `max` is answered 422 `unsupported-capability`."""
    answer = await forward(request)
    asked = request.json()
    if isinstance(asked, dict) and texts(asked, "resources") and is_refused_for(answer, "limit-exceeded"):
        return recoded(answer, "unsupported-capability")
    return answer
