"""Overlook members that are unknown, missing, null or of a wrong type."""

from __future__ import annotations

import shlex

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.specification import Spec, drop, members, objects, reading, texts


@twists("CC-VAL-001")
async def ignore_unknown_members(request: Request, forward: Forward) -> Answer:
    """A member that the contract does not know is ignored."""
    return await reading(
        request, forward, lambda spec: drop(spec, lambda name, _: name not in members("JobSpec"))
    )


@twists("CC-VAL-001")
async def ignore_unknown_resources(request: Request, forward: Forward) -> Answer:
    """A member of `resources` that the contract does not know is ignored."""
    return await reading(
        request,
        forward,
        lambda spec: drop(texts(spec, "resources"), lambda name, _: name not in members("Resources")),
    )


@twists("CC-VAL-001")
async def ignore_unknown_members_of_sources(request: Request, forward: Forward) -> Answer:
    """A member of an input's `source` that the contract does not know is ignored."""

    def edit(spec: Spec) -> None:
        for each in objects(spec, "inputs"):
            if texts(each, "source").get("kind") == "inline":
                drop(each["source"], lambda name, _: name not in members("InlineSource"))

    return await reading(request, forward, edit)


@twists("CC-VAL-001")
async def ignore_unknown_members_of_arrays(request: Request, forward: Forward) -> Answer:
    """A member of `array` that the contract does not know is ignored."""
    return await reading(
        request,
        forward,
        lambda spec: drop(texts(spec, "array"), lambda name, _: name not in members("Array")),
    )


@twists("CC-VAL-001")
async def ignore_unknown_members_of_outputs(request: Request, forward: Forward) -> Answer:
    """A member of an output that the contract does not know is ignored."""

    def edit(spec: Spec) -> None:
        for each in objects(spec, "outputs"):
            drop(each, lambda name, _: name not in members("Output"))

    return await reading(request, forward, edit)


@twists("CC-VAL-001")
async def know_members_in_any_case(request: Request, forward: Forward) -> Answer:
    """A member is known in any case of its letters, as Go's JSON does."""

    def edit(spec: Spec) -> None:
        for name in list(spec):
            if name not in members("JobSpec") and name.lower() in members("JobSpec"):
                spec.setdefault(name.lower(), spec.pop(name))

    return await reading(request, forward, edit)


@twists("CC-VAL-001")
async def refuse_objects_in_metadata(request: Request, forward: Forward) -> Answer:
    """An object inside `metadata` is refused as unknown."""

    def edit(spec: Spec) -> None:
        if any(isinstance(value, dict) for value in texts(spec, "metadata").values()):
            spec["metadata"] = []

    return await reading(request, forward, edit)


@twists("CC-VAL-001")
async def refuse_dots_and_slashes_in_keys(request: Request, forward: Forward) -> Answer:
    """A label's key with a dot or a slash in it is refused as unknown."""

    def edit(spec: Spec) -> None:
        labels = texts(spec, "labels")
        for name in [name for name in labels if "/" in name or "." in name]:
            labels[f"{name}!"] = labels.pop(name)

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def run_true_without_a_command(request: Request, forward: Forward) -> Answer:
    """A submission without `command` runs `true`."""
    return await reading(request, forward, lambda spec: spec.setdefault("command", ["true"]))


@twists("CC-VAL-002")
async def have_a_default_facility(request: Request, forward: Forward) -> Answer:
    """A submission without `facility_id` is for the first facility."""
    return await reading(request, forward, lambda spec: spec.setdefault("facility_id", "rosetta"))


@twists("CC-VAL-002")
async def guess_the_kind_of_software(request: Request, forward: Forward) -> Answer:
    """`software` without `kind` is a container where it has an `image`."""

    def edit(spec: Spec) -> None:
        software = texts(spec, "software")
        if "image" in software:
            software.setdefault("kind", "container")

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def take_an_input_without_source_for_empty(request: Request, forward: Forward) -> Answer:
    """An input without `source` is an empty file."""

    def edit(spec: Spec) -> None:
        for each in objects(spec, "inputs"):
            each.setdefault("source", {"kind": "inline", "content_base64": ""})

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def take_null_for_absent(request: Request, forward: Forward) -> Answer:
    """A member that is null counts as absent."""
    return await reading(request, forward, lambda spec: drop(spec, lambda _, value: value is None))


@twists("CC-VAL-002")
async def take_a_null_variable_for_unset(request: Request, forward: Forward) -> Answer:
    """A variable that is null is left out."""
    return await reading(
        request, forward, lambda spec: drop(texts(spec, "environment"), lambda _, value: value is None)
    )


@twists("CC-VAL-002", house="dirac")
async def take_null_in_backend_parameters_for_absent(request: Request, forward: Forward) -> Answer:
    """A null inside `backend_parameters` counts as absent."""
    return await reading(
        request, forward, lambda spec: drop(texts(spec, "backend_parameters"), lambda _, value: value is None)
    )


@twists("CC-VAL-002")
async def read_numbers_from_text(request: Request, forward: Forward) -> Answer:
    """A resource may be a text that holds a number."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "resources").items():
            if isinstance(value, str) and value.isdecimal():
                spec["resources"][name] = int(value)

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def take_true_for_one(request: Request, forward: Forward) -> Answer:
    """A resource that is true counts as 1, as in Python."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "resources").items():
            if isinstance(value, bool):
                spec["resources"][name] = int(value)

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def round_down(request: Request, forward: Forward) -> Answer:
    """A resource that is no integer is rounded down."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "resources").items():
            if isinstance(value, float):
                spec["resources"][name] = int(value)

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def refuse_one_point_zero(request: Request, forward: Forward) -> Answer:
    """A number that is written `1.0` is no integer."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "resources").items():
            if isinstance(value, float):
                spec["resources"][name] = str(value)

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def write_numbers_as_text(request: Request, forward: Forward) -> Answer:
    """A variable or label that is a number counts as its digits."""

    def edit(spec: Spec) -> None:
        for member in ("environment", "labels"):
            for name, value in texts(spec, member).items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    spec[member][name] = str(value)

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def split_a_command(request: Request, forward: Forward) -> Answer:
    """`command` may be a text, which is split at its blanks."""

    def edit(spec: Spec) -> None:
        if isinstance(spec.get("command"), str):
            spec["command"] = shlex.split(spec["command"])

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def take_one_for_a_list_of_one(request: Request, forward: Forward) -> Answer:
    """`outputs` may be the path of the one output."""

    def edit(spec: Spec) -> None:
        if isinstance(spec.get("outputs"), str):
            spec["outputs"] = [{"path": spec["outputs"]}]

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def take_a_list_for_an_object(request: Request, forward: Forward) -> Answer:
    """An empty list counts as an empty object, as in PHP."""

    def edit(spec: Spec) -> None:
        for name in ("labels", "environment", "resources", "metadata"):
            if spec.get(name) == []:
                spec[name] = {}

    return await reading(request, forward, edit)


@twists("CC-VAL-002")
async def read_yes_and_no(request: Request, forward: Forward) -> Answer:
    """`executable` of an input may be a word or a number."""

    def edit(spec: Spec) -> None:
        for each in objects(spec, "inputs"):
            if each.get("executable") in ("yes", "true", "1", 1):
                each["executable"] = True

    return await reading(request, forward, edit)
