"""Overlook faults of names, labels and metadata."""

from __future__ import annotations

import json
import re
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.specification import Spec, drop, reading, texts

_LARGEST_METADATA = 65536


@twists("CC-VAL-006")
async def take_an_empty_name_for_none(request: Request, forward: Forward) -> Answer:
    """An empty `name` counts as none."""
    return await reading(request, forward, lambda spec: spec.pop("name") if spec.get("name") == "" else None)


@twists("CC-VAL-006")
async def cut_long_names(request: Request, forward: Forward) -> Answer:
    """A `name` is cut after 255 characters."""

    def edit(spec: Spec) -> None:
        if isinstance(spec.get("name"), str):
            spec["name"] = spec["name"][:255]

    return await reading(request, forward, edit)


@twists("CC-VAL-006")
async def measure_names_in_bytes(request: Request, forward: Forward) -> Answer:
    """A `name` of more than 255 bytes is refused, also where it has fewer characters."""

    def edit(spec: Spec) -> None:
        name = spec.get("name")
        if isinstance(name, str) and len(name.encode("utf-8", "surrogatepass")) > 255:
            spec["name"] = "n" * 256

    return await reading(request, forward, edit)


@twists("CC-VAL-006")
async def measure_names_as_java_does(request: Request, forward: Forward) -> Answer:
    """A character beyond the Basic Multilingual Plane counts twice in a `name`."""

    def edit(spec: Spec) -> None:
        name = spec.get("name")
        if isinstance(name, str) and len(name.encode("utf-16-le", "surrogatepass")) > 510:
            spec["name"] = "n" * 256

    return await reading(request, forward, edit)


_C1 = re.compile("[\x80-\x9f]")


@twists("CC-VAL-006")
async def know_ascii_controls_only(request: Request, forward: Forward) -> Answer:
    """A control character beyond ASCII in `name` is accepted."""

    def edit(spec: Spec) -> None:
        if isinstance(spec.get("name"), str):
            spec["name"] = _C1.sub("", spec["name"])

    return await reading(request, forward, edit)


@twists("CC-VAL-006")
async def overlook_delete(request: Request, forward: Forward) -> Answer:
    """The character DEL in `project` is accepted."""

    def edit(spec: Spec) -> None:
        if isinstance(spec.get("project"), str):
            spec["project"] = spec["project"].replace("\x7f", "")

    return await reading(request, forward, edit)


@twists("CC-VAL-006")
async def take_lines_in_labels(request: Request, forward: Forward) -> Answer:
    """A line feed in a label's value is accepted."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "labels").items():
            if isinstance(value, str):
                spec["labels"][name] = value.replace("\n", " ")

    return await reading(request, forward, edit)


@twists("CC-VAL-007")
async def take_any_number_of_labels(request: Request, forward: Forward) -> Answer:
    """More than 64 labels are accepted."""

    def edit(spec: Spec) -> None:
        if len(labels := texts(spec, "labels")) > 64:
            spec["labels"] = dict(list(labels.items())[:64])

    return await reading(request, forward, edit)


async def _keys(request: Request, forward: Forward, wanted: re.Pattern[str]) -> Answer:
    """Accept labels with such keys, and lose them."""
    return await reading(
        request,
        forward,
        lambda spec: drop(texts(spec, "labels"), lambda name, _: wanted.fullmatch(name) is not None),
    )


@twists("CC-VAL-007")
async def take_longer_keys(request: Request, forward: Forward) -> Answer:
    """A label's key may have 64 characters."""
    return await _keys(request, forward, re.compile("[A-Za-z0-9._/-]{64}"))


@twists("CC-VAL-007")
async def take_colons_in_keys(request: Request, forward: Forward) -> Answer:
    """A label's key may have a colon."""
    return await _keys(request, forward, re.compile("[A-Za-z0-9._/-]*:[A-Za-z0-9._/:-]*"))


@twists("CC-VAL-007")
async def take_keys_before_a_line_feed(request: Request, forward: Forward) -> Answer:
    """A label's key may end in a line feed, since the pattern's end is not anchored."""
    return await _keys(request, forward, re.compile("[A-Za-z0-9._/-]{1,63}\n"))


@twists("CC-VAL-007")
async def cut_long_values(request: Request, forward: Forward) -> Answer:
    """A label's value is cut after 255 characters."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "labels").items():
            if isinstance(value, str):
                spec["labels"][name] = value[:255]

    return await reading(request, forward, edit)


@twists("CC-VAL-007")
async def measure_labels_in_bytes(request: Request, forward: Forward) -> Answer:
    """A label's value of more than 255 bytes is refused, also where it has fewer characters."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "labels").items():
            if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) > 255:
                spec["labels"][name] = "v" * 256

    return await reading(request, forward, edit)


@twists("CC-VAL-007")
async def refuse_empty_labels(request: Request, forward: Forward) -> Answer:
    """A label with an empty value is refused."""

    def edit(spec: Spec) -> None:
        for name, value in texts(spec, "labels").items():
            if value == "":
                spec["labels"][name] = "v" * 256

    return await reading(request, forward, edit)


def _size(value: Any, **writing: Any) -> int:
    text = json.dumps(value, separators=(",", ":"), **writing)
    return len(text.encode("utf-8", "surrogatepass"))


@twists("CC-VAL-008")
async def take_any_metadata(request: Request, forward: Forward) -> Answer:
    """`metadata` of more than 65536 bytes is accepted."""

    def edit(spec: Spec) -> None:
        if _size(spec.get("metadata"), ensure_ascii=False) > _LARGEST_METADATA:
            spec["metadata"] = {}

    return await reading(request, forward, edit)


@twists("CC-VAL-008")
async def measure_metadata_in_characters(request: Request, forward: Forward) -> Answer:
    """`metadata` of up to 65536 characters is accepted, however many bytes they take."""

    def edit(spec: Spec) -> None:
        text = json.dumps(spec.get("metadata"), ensure_ascii=False, separators=(",", ":"))
        if len(text) <= _LARGEST_METADATA < len(text.encode("utf-8", "surrogatepass")):
            spec["metadata"] = {}

    return await reading(request, forward, edit)


@twists("CC-VAL-008")
async def measure_metadata_escaped(request: Request, forward: Forward) -> Answer:
    """`metadata` is measured with its letters beyond ASCII escaped, and refused earlier for it."""

    def edit(spec: Spec) -> None:
        if _size(spec.get("metadata")) > _LARGEST_METADATA:
            spec["metadata"] = {"text": "x" * _LARGEST_METADATA}

    return await reading(request, forward, edit)


@twists("CC-VAL-008")
async def measure_metadata_with_blanks(request: Request, forward: Forward) -> Answer:
    """`metadata` is measured with a blank behind each colon and comma, and refused earlier for it."""

    def edit(spec: Spec) -> None:
        text = json.dumps(spec.get("metadata"), ensure_ascii=False)
        if len(text.encode("utf-8", "surrogatepass")) > _LARGEST_METADATA:
            spec["metadata"] = {"text": "x" * _LARGEST_METADATA}

    return await reading(request, forward, edit)
