"""Overlook how much a submission may hold, and what a backend takes."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.specification import Spec, drop, facility_of, objects, reading, texts


def _inline(spec: Spec) -> list[tuple[Spec, int]]:
    """Return the inline sources with the number of their bytes."""
    found = []
    for each in objects(spec, "inputs"):
        source = texts(each, "source")
        if isinstance(source.get("content_base64"), str):
            try:
                found.append((source, len(b64decode(source["content_base64"], validate=True))))
            except binascii.Error:
                continue
    return found


async def _limit(request: Request, forward: Forward, name: str) -> int:
    return int((await facility_of(request, forward))["limits"][name]) if request.is_submission else 0


@twists("CC-VAL-013", house="dirac")
async def measure_files_one_by_one(request: Request, forward: Forward) -> Answer:
    """`max_inline_total_bytes` is held against each input alone."""
    limit = await _limit(request, forward, "max_inline_total_bytes")

    def edit(spec: Spec) -> None:
        inline = _inline(spec)
        if sum(size for _, size in inline) > limit >= max((size for _, size in inline), default=0):
            for source, _ in inline:
                source["content_base64"] = ""

    return await reading(request, forward, edit)


@twists("CC-VAL-013", house="dirac")
async def measure_base64(request: Request, forward: Forward) -> Answer:
    """`max_inline_total_bytes` is held against the base64, which is a third longer than the bytes."""
    limit = await _limit(request, forward, "max_inline_total_bytes")

    def edit(spec: Spec) -> None:
        inline = _inline(spec)
        if sum(len(source["content_base64"]) for source, _ in inline) > limit:
            inline[0][0]["content_base64"] = "A" * (4 * (limit // 3 + 2))

    return await reading(request, forward, edit)


def _bytes(variables: Spec) -> int:
    return sum(len(f"{name}{value}".encode("utf-8", "surrogatepass")) for name, value in variables.items())


async def _environment(request: Request, forward: Forward, *, counted: Any) -> Answer:
    """Measure the environment as `counted` does, and let through what is within the limit by that measure."""
    limit = await _limit(request, forward, "max_environment_bytes")

    def edit(spec: Spec) -> None:
        variables = texts(spec, "environment")
        text = all(isinstance(value, str) for value in variables.values())
        if text and counted(variables) <= limit < _bytes(variables):
            spec["environment"] = {}

    return await reading(request, forward, edit)


@twists("CC-VAL-013")
async def measure_the_environment_in_characters(request: Request, forward: Forward) -> Answer:
    """`max_environment_bytes` is held against characters, of which one may be four bytes."""
    return await _environment(
        request, forward, counted=lambda variables: sum(len(f"{a}{b}") for a, b in variables.items())
    )


@twists("CC-VAL-013")
async def measure_values_without_names(request: Request, forward: Forward) -> Answer:
    """The names of variables do not count to `max_environment_bytes`."""
    return await _environment(
        request,
        forward,
        counted=lambda variables: _bytes(variables) - _bytes(dict.fromkeys(variables, "")),
    )


@twists("CC-VAL-013")
async def measure_variables_one_by_one(request: Request, forward: Forward) -> Answer:
    """`max_environment_bytes` is held against each variable alone."""
    return await _environment(
        request,
        forward,
        counted=lambda variables: max((_bytes({a: b}) for a, b in variables.items()), default=0),
    )


@twists("CC-VAL-013")
async def measure_no_parameters(request: Request, forward: Forward) -> Answer:
    """The parameters of an array's tasks do not count to `max_environment_bytes`."""
    limit = await _limit(request, forward, "max_environment_bytes")

    def edit(spec: Spec) -> None:
        parameters = objects(texts(spec, "array"), "parameters")
        if any(_bytes(each) > limit // 2 for each in parameters):
            spec["array"] = {"count": len(parameters)}

    return await reading(request, forward, edit)


@twists("CC-VAL-014", house="dirac")
async def drop_unknown_parameters(request: Request, forward: Forward) -> Answer:
    """A backend parameter that the facility does not know is dropped."""
    known = texts((await facility_of(request, forward)).get("backend_parameters", {}), "properties")
    return await reading(
        request,
        forward,
        lambda spec: drop(texts(spec, "backend_parameters"), lambda name, _: name not in known),
    )


@twists("CC-VAL-014", house="dirac")
async def take_any_value_of_a_parameter(request: Request, forward: Forward) -> Answer:
    """The names of backend parameters are looked at, and not their values."""
    known = texts((await facility_of(request, forward)).get("backend_parameters", {}), "properties")
    return await reading(
        request, forward, lambda spec: drop(texts(spec, "backend_parameters"), lambda name, _: name in known)
    )


@twists("CC-VAL-014")
async def ignore_backend_parameters(request: Request, forward: Forward) -> Answer:
    """A facility without a schema for `backend_parameters` ignores them."""
    return await reading(
        request,
        forward,
        lambda spec: spec.pop("backend_parameters") if texts(spec, "backend_parameters") else None,
    )


@twists("CC-VAL-014")
async def take_no_backend_parameters_for_none(request: Request, forward: Forward) -> Answer:
    """A facility without a schema for `backend_parameters` accepts an empty object."""
    return await reading(
        request,
        forward,
        lambda spec: spec.pop("backend_parameters") if spec.get("backend_parameters") == {} else None,
    )
