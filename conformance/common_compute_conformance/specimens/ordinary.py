"""Jobs that succeed: a plain one, tours of the probes, and jobs at the limits of what may be sent."""

from __future__ import annotations

from common_compute_conformance.errors import NotApplicable
from common_compute_conformance.specimens.recipes import Body, Occasion, inline, job, recipe, script
from common_compute_conformance.target import Target

PLAIN_RESULT = "one result\n"
PLAIN_STDOUT = "to the standard output\n"
PLAIN_STDERR = "to the standard error\n"
BRIM_STDOUT = "100% of it"
TOUR_SECONDS = 3
TOUR = "printf\ncat\nhead\nsleep\nenv\nkill\n"
METADATA_BYTES = 65536
COUNTED = ("cpu_cores", "memory_bytes", "wall_time_seconds", "gpus")

_TOUR_BYTES = 64 * 2**20
_ENOUGH = {"cpu_cores": 1, "memory_bytes": _TOUR_BYTES, "wall_time_seconds": 60, "gpus": 1}
_LABEL_BYTES = 45_000  # what the labels of the fullest job take in a body, with room for all else


@recipe("plain")
def _plain(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        'printf "one result\\n" > plain.seen; printf "to the standard output\\n"; '
        'printf "to the standard error\\n" >&2',
        name="Certification: a plain job",
        outputs=[{"path": "plain.seen"}],
        labels={"certification": "plain"},
    )


def _tour(occasion: Occasion, kind: str) -> Body:
    target = occasion.target
    asked = {
        "wall_time_seconds": occasion.most("wall_time_seconds", 60),
        "memory_bytes": occasion.most("memory_bytes", _TOUR_BYTES),
    }
    resources = {
        name: value for name, value in asked.items() if target.resource(name)["support"] != "unsupported"
    }
    body = script(
        target,
        f"""printf 'printf\\n' > tour.seen
printf 'cat\\n' | cat >> tour.seen
printf 'head\\nbehind\\n' | head -n 1 >> tour.seen
sleep {TOUR_SECONDS} && printf 'sleep\\n' >> tour.seen
env MARK=env /bin/sh -c 'printf "%s\\n" "$MARK"' >> tour.seen
kill -0 $$ && printf 'kill\\n' >> tour.seen""",
        inputs=[inline("tour.in", b"1")],
        outputs=[{"path": "tour.seen"}],
        **({"resources": resources} if resources else {}),
    )
    return {**body, "software": target.probes[kind]}


@recipe("tour")
def _tour_of_the_first_probe(occasion: Occasion) -> Body:
    target = occasion.target
    body = _tour(occasion, str(target.software["kind"]))
    return {**body, "name": "An x", "metadata": {"one": 1, "half": 1.5, "text": "größe", "list": [1, 2]}}


@recipe("tour-other")
def _tour_of_the_other_probe(occasion: Occasion) -> Body:
    target = occasion.target
    others = [kind for kind in target.probes if kind != target.software["kind"]]
    if not others:
        raise NotApplicable("the facility has a probe of one kind only")
    return _tour(occasion, others[0])


@recipe("default-version")
def _default_version(occasion: Occasion) -> Body:
    probes = occasion.target.probes
    if "installed" not in probes:
        raise NotApplicable("the facility has no probe of kind installed")
    body = job(occasion.target, "printf", "%s", "any version", outputs=[])
    return {**body, "software": {"kind": "installed", "name": probes["installed"]["name"]}}


@recipe("brim")
def _brim(occasion: Occasion) -> Body:
    labels = {f"{number:02}{'k' * 61}": "é" * 255 for number in range(61)}
    return script(
        occasion.target,
        'printf unasked > unasked.txt; printf "%s" "$1"',
        BRIM_STDOUT,
        name="n" * 253 + "é\U0001f52d",
        labels={**labels, "empty": ""},
        metadata=metadata_of(min(METADATA_BYTES, occasion.request_bytes - _LABEL_BYTES)),
    )


def metadata_of(size: int) -> Body:
    """Return metadata that has `size` bytes as compact UTF-8 JSON, and more when its letters are escaped."""
    return {"text": "é" * 100 + "x" * (size - 200 - len('{"text":""}'))}


@recipe("optional")
def _optional(occasion: Occasion) -> Body:
    named = {name: values[0] for name, values in announced(occasion.target).items()}
    resources = {**off_the_granularity(occasion), **named}
    return job(
        occasion.target,
        "printf",
        "%s",
        "optional",
        outputs=[{"path": "never-written.seen", "required": False}],
        inputs=[],
        environment={},
        labels={"certification": "optional", "empty": "", "odd": "a=b & c", "org.example/key": "größe"},
        metadata={
            "nothing": None,
            "number": 1.5,
            "list": [1, {"deep": [None, True]}],
            "object": {"empty": {}},
            "none": [],
            "text": "größe €",
        },
        **({"resources": resources} if resources else {}),
    )


def announced(target: Target) -> dict[str, list[str]]:
    """Return the queues, architectures and sites that a job may name here, the default queue first."""
    queues = sorted(target.facility["queues"], key=lambda queue: not queue.get("default"))
    values = {
        "queue": [str(queue["name"]) for queue in queues],
        "architecture": [str(each) for each in target.facility["architectures"]],
        "site": [str(each) for each in target.facility.get("sites", [])],
    }
    return {
        name: found
        for name, found in values.items()
        if found and target.resource(name)["support"] != "unsupported"
    }


def off_the_granularity(occasion: Occasion) -> dict[str, float]:
    """Return a value for each resource that has a granularity, no multiple of it, and an integer as 1.0.

    A job has to be able to run with it.
    """
    odd: dict[str, float] = {}
    for name, least in _ENOUGH.items():
        capability = occasion.target.resource(name)
        step = int(capability.get("granularity", 1))
        value = max(step, least // step * step) + 1
        if capability["support"] != "unsupported" and step > 1 and value <= occasion.most(name, value):
            odd[name] = value
    if occasion.target.resource("cpu_cores")["support"] != "unsupported":
        odd.setdefault("cpu_cores", 1.0)
    return odd


@recipe("same-1", "same-2")
def _same(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        'at_start=$(printf "%s/" *); printf "%s %s" "$CC_JOB_ID" "$at_start" > same.seen; printf said',
        name="Twice the same",
        outputs=[{"path": "same.seen"}],
        labels={"shelf": "one"},
    )
