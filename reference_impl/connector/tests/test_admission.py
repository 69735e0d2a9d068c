"""A job specification is judged by its form and by what its facility offers."""

import copy
import json
from typing import Any

import pytest

from common_compute_connector.admission import Offer, judge, schema_faults

DOCUMENT: dict[str, Any] = {
    "id": "hotel",
    "conforms_to": ["core", "container", "software", "arrays", "staging"],
    "architectures": ["amd64", "arm64"],
    "container_runtimes": [{"name": "singularity", "image_formats": ["oci", "sif"]}],
    "queues": [
        {"name": "short", "default": True, "max_wall_time_seconds": 3600, "max_cpu_cores": 4},
        {"name": "long", "default": False, "max_wall_time_seconds": 86400},
    ],
    "sites": ["ca-north"],
    "storage": [{"name": "scratch", "path": "/scratch", "kind": "posix", "shared": True}],
    "input_url_schemes": ["https", "root"],
    "resources": {
        "cpu_cores": {"support": "enforced", "max": 16},
        "memory_bytes": {"support": "advisory", "granularity": 1024},
        "wall_time_seconds": {"support": "enforced"},
        "gpus": {"support": "unsupported"},
        "architecture": {"support": "enforced"},
        "queue": {"support": "enforced"},
        "site": {"support": "enforced"},
    },
    "limits": {"max_array_tasks": 3, "max_inline_total_bytes": 6, "max_environment_bytes": 20},
    "backend_parameters": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"partition": {"type": "string"}, "nice": {"type": "integer", "maximum": 10}},
        "required": ["partition"],
    },
}
SOFTWARE = [
    {"name": "python", "version": "3.11", "default": True},
    {"name": "python", "version": "3.9", "default": False, "architectures": ["amd64"]},
]
CONTAINER = {"kind": "container", "image": "debian:12"}
BARE: dict[str, Any] = {"facility_id": "hotel", "software": CONTAINER, "command": ["true"]}


def _judge(changes: dict[str, Any], document: dict[str, Any] = DOCUMENT) -> list[tuple[str, str | None]]:
    spec = {**BARE, **changes}
    offers = {"hotel": Offer(document, SOFTWARE)}
    return [(fault.code, fault.pointer) for fault in judge(spec, schema_faults(spec), offers.get)]


def _inline(path: str, content: str = "") -> dict[str, Any]:
    return {"path": path, "source": {"kind": "inline", "content_base64": content}}


def _url(url: str, path: str = "x") -> dict[str, Any]:
    return {"path": path, "source": {"kind": "url", "url": url}}


def _archive(image_format: str, url: str) -> dict[str, Any]:
    return {"kind": "container", "image_archive": {"url": url, "sha256": "0" * 64, "format": image_format}}


def _tasks(*names: str, **others: Any) -> dict[str, Any]:
    return {"array": {"parameters": [{"p": name} for name in names]}, **others}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"software": {"kind": "installed", "name": "python"}},
        {"software": {"kind": "installed", "name": "python", "version": "3.9"}},
        {"software": _archive("sif", "https://zenodo.org/x")},
        {"resources": {"cpu_cores": 4, "memory_bytes": 1025, "wall_time_seconds": 3600}},
        {"resources": {"cpu_cores": 16, "wall_time_seconds": 86400, "queue": "long", "site": "ca-north"}},
        {"resources": {"architecture": "arm64", "cpu_cores": 1.0}},
        {"inputs": [_inline("a/b", "YWFh"), _inline("a/c", "YWE="), _inline("a-b", "YQ==")]},
        {
            "inputs": [
                _url("https://h/x"),
                {"path": "y", "source": {"kind": "storage", "storage": "scratch", "path": "z"}},
            ]
        },
        {"outputs": [{"path": "**/*.[!x]"}, {"path": "a", "destination": {"url": "root://h//a"}}]},
        {"environment": {"AB": "é" * 9}},
        {"array": {"count": 3.0}, "command": ["{{CC_TASK_INDEX}}", "{{CC_TASK_COUNT}}", "{{ p }}", "{{}}"]},
        {"command": ["{{whatever}}"], "inputs": [_inline("{{x}}")]},
        _tasks("a", "b", inputs=[_inline("{{p}}"), _inline("c")], environment={"Q": "{{p}}"}),
        _tasks("https", "root", inputs=[_url("{{p}}://h/x")]),
        _tasks("{{unknown}}", command=["x", "{{p}}"]),
        {"backend_parameters": {"partition": "x", "nice": 10}},
        {"metadata": {"a": "x" * (65536 - len('{"a":""}'))}},
        {"project": "p", "labels": {"a": ""}},
    ],
)
def test_what_the_facility_offers_is_accepted(changes: dict[str, Any]) -> None:
    """A specification within form and offer has no fault."""
    assert [] == _judge(changes)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"inputs": [_inline("a"), _inline("a")]}, "/inputs/1/path"),
        ({"inputs": [_inline("a/b/c"), _inline("a/b")]}, "/inputs/1/path"),
        ({"inputs": [_inline("a"), _inline("a/b")]}, "/inputs/0/path"),
        ({"outputs": [{"path": "x[z-a]"}]}, "/outputs/0/path"),
        ({"metadata": {"a": "x" * (65537 - len('{"a":""}'))}}, "/metadata"),
        ({"metadata": {"a": "é" * 32768}}, "/metadata"),
        ({"array": {"parameters": [{"p": "1"}, {"q": "1"}]}}, "/array/parameters/1"),
        ({"array": {"parameters": [{"p": "1"}, {"p": "1", "q": "1"}]}}, "/array/parameters/1"),
        (_tasks("a", environment={"p": "x"}), "/array/parameters/0/p"),
        (_tasks("a", command=["x", "{{q}}"]), "/command/1"),
        (_tasks("a", environment={"E": "{{q}}"}), "/environment/E"),
        (_tasks("a", inputs=[_inline("{{q}}")]), "/inputs/0/path"),
        (_tasks("a", inputs=[_url("https://h/{{q}}")]), "/inputs/0/source/url"),
        (_tasks("a", outputs=[{"path": "{{CC_JOB_ID}}"}]), "/outputs/0/path"),
        (_tasks("a", "../b", inputs=[_inline("{{p}}")]), "/inputs/0/path"),
        (_tasks("a", "/", outputs=[{"path": "x/{{p}}"}]), "/outputs/0/path"),
        (_tasks("a", "[z-a]", outputs=[{"path": "x/{{p}}"}]), "/outputs/0/path"),
        (_tasks("a", "b", inputs=[_inline("{{p}}"), _inline("b")]), "/inputs/1/path"),
        (_tasks("a", "b", inputs=[_inline("{{p}}"), _inline("b/c")]), "/inputs/0/path"),
        (_tasks("a", "", command=["{{p}}"]), "/command/0"),
        (_tasks("a", "b c", inputs=[_url("https://h/{{p}}")]), "/inputs/0/source/url"),
        ({"resources": {"cpu_cores": 0}}, "/resources/cpu_cores"),
        ({"backend_parameters": {"partition": 1}}, "/backend_parameters/partition"),
        ({"backend_parameters": {}}, "/backend_parameters/partition"),
        ({"backend_parameters": {"partition": "x", "surprise": 1}}, "/backend_parameters/surprise"),
    ],
)  # fmt: skip
def test_a_fault_of_form_is_an_invalid_request(changes: dict[str, Any], pointer: str) -> None:
    """What would be wrong at every facility is `invalid-request`, with a pointer to the innermost member."""
    assert [("invalid-request", pointer)] == _judge(changes)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"facility_id": "motel"}, "unknown-facility", "/facility_id"),
        ({"software": {"kind": "installed", "name": "Python"}}, "unknown-software", "/software/name"),
        ({"software": {"kind": "installed", "name": "python", "version": "3"}}, "unknown-software", "/software/version"),
        ({"software": _archive("docker-archive", "https://h/x")}, "unsupported-capability", "/software/image_archive/format"),
        ({"software": _archive("sif", "ftp://h/x")}, "unsupported-capability", "/software/image_archive/url"),
        ({"resources": {"gpus": 0}}, "unsupported-capability", "/resources/gpus"),
        ({"resources": {"queue": "express"}}, "unsupported-capability", "/resources/queue"),
        ({"resources": {"architecture": "riscv64"}}, "unsupported-capability", "/resources/architecture"),
        ({"resources": {"site": "fr-south"}}, "unsupported-capability", "/resources/site"),
        ({"resources": {"cpu_cores": 17, "queue": "long"}}, "limit-exceeded", "/resources/cpu_cores"),
        ({"resources": {"cpu_cores": 5}}, "limit-exceeded", "/resources/cpu_cores"),
        ({"resources": {"wall_time_seconds": 3601}}, "limit-exceeded", "/resources/wall_time_seconds"),
        ({"resources": {"wall_time_seconds": 86401, "queue": "long"}}, "limit-exceeded", "/resources/wall_time_seconds"),
        ({"inputs": [_inline("a", "YWFh"), _inline("b", "YWFhYQ==")]}, "limit-exceeded", "/inputs"),
        ({"inputs": [_url("ftp://h/x")]}, "unsupported-capability", "/inputs/0/source/url"),
        (_tasks("https", "ftp", inputs=[_url("{{p}}://h/x")]), "unsupported-capability", "/inputs/0/source/url"),
        (
            {"inputs": [{"path": "a", "source": {"kind": "storage", "storage": "tape", "path": "b"}}]},
            "unsupported-capability",
            "/inputs/0/source/storage",
        ),
        ({"outputs": [{"path": "a", "destination": {"url": "ftp://h/x"}}]}, "unsupported-capability",
         "/outputs/0/destination/url"),
        ({"environment": {"AB": "x" * 19}}, "limit-exceeded", "/environment"),
        ({"environment": {"AB": "é" * 10}}, "limit-exceeded", "/environment"),
        (_tasks("a", "x" * 20), "limit-exceeded", "/array/parameters"),
        (_tasks("a", "x" * 9, environment={"A": "{{p}}{{p}}"}), "limit-exceeded", "/environment"),
        ({"array": {"count": 4}}, "limit-exceeded", "/array/count"),
        ({"array": {"count": 9007199254740991}}, "limit-exceeded", "/array/count"),
        (_tasks("a", "b", "c", "d"), "limit-exceeded", "/array/parameters"),
        (
            {"software": {"kind": "installed", "name": "python", "version": "3.9"}, "resources": {"architecture": "arm64"}},
            "unsupported-capability",
            "/resources/architecture",
        ),
    ],
)  # fmt: skip
def test_what_the_facility_lacks_is_named(changes: dict[str, Any], code: str, pointer: str) -> None:
    """A demand beyond the offer has the code and the pointer of what is missing or too much."""
    assert [(code, pointer)] == _judge(changes)


def test_software_for_no_node_there_is_refused() -> None:
    """Software that is built for architectures of which the facility has none cannot run, whatever the job says."""
    python, there = {"kind": "installed", "name": "python"}, ["arm64"]
    here = {**DOCUMENT, "architectures": there}
    refused = [("unsupported-capability", "/software/version")]
    assert refused == _judge({"software": {**python, "version": "3.9"}}, here)
    both = {"software": {**python, "version": "3.9"}, "resources": {"architecture": "arm64"}}
    assert refused == _judge(both, here)
    assert [] == _judge({"software": python}, here)
    # A facility that has not answered yet has told none.
    assert [] == _judge({"software": {**python, "version": "3.9"}}, {**DOCUMENT, "architectures": []})


def test_the_largest_task_counts() -> None:
    """An environment is measured after replacement, parameters included, at the task that has most of it."""
    fits = _tasks("", "x" * 5, environment={"A": "{{p}}{{p}}"})  # A + 10 + p + 5 = 17
    exact = _tasks("", "x" * 6, environment={"A": "{{p}}{{p}}"})  # 20
    beyond = _tasks("", "x" * 6, environment={"A": "{{p}}{{p}}!"})

    assert [] == _judge(fits)
    assert [] == _judge(exact)
    assert [("limit-exceeded", "/environment")] == _judge(beyond)


@pytest.mark.parametrize(
    ("missing", "changes", "pointer"),
    [
        ("container", {}, "/software/kind"),
        ("software", {"software": {"kind": "installed", "name": "python"}}, "/software/kind"),
        ("arrays", {"array": {"count": 1}}, "/array"),
        ("staging", {"inputs": [_url("https://h/x")]}, "/inputs/0/source/kind"),
        (
            "staging",
            {"outputs": [{"path": "a", "destination": {"url": "https://h"}}]},
            "/outputs/0/destination",
        ),
    ],
)
def test_a_class_that_is_not_claimed_is_not_served(
    missing: str, changes: dict[str, Any], pointer: str
) -> None:
    """A member that needs a class which the facility does not claim is unsupported."""
    document = {**DOCUMENT, "conforms_to": [name for name in DOCUMENT["conforms_to"] if name != missing]}

    assert [("unsupported-capability", pointer)] == _judge(changes, document)


def test_parameters_of_a_facility_without_any_are_unsupported() -> None:
    """Backend parameters are for facilities that announce a schema."""
    document = {name: value for name, value in DOCUMENT.items() if name != "backend_parameters"}

    assert [("unsupported-capability", "/backend_parameters")] == _judge({"backend_parameters": {}}, document)


def test_all_faults_are_told_at_once() -> None:
    """Faults of form hide neither each other nor what the facility lacks."""
    spec = {
        "facility_id": "hotel",
        "software": {"kind": "installed", "name": "perl", "surprise": 1},
        "command": [],
        "environment": {"1": "x", "LONG": "x" * 30},
        "inputs": [{"path": "/abs", "source": {}}, _url("ftp://h/x"), _inline("a"), _inline("a")],
        "outputs": [{"path": "x[z-a]", "surprise": 1}],
        "resources": {"gpus": 1, "cpu_cores": "many", "queue": "express"},
        "array": {"count": 4},
        "surprise": 1,
    }
    faults = judge(spec, schema_faults(spec), {"hotel": Offer(DOCUMENT, SOFTWARE)}.get)

    assert {
        "/software/surprise", "/command", "/environment/1", "/inputs/0/path", "/inputs/0/source/kind",
        "/outputs/0/surprise", "/resources/cpu_cores", "/surprise",
        "/outputs/0/path", "/software/name", "/inputs/1/source/url", "/resources/gpus", "/resources/queue",
        "/array/count",
    } <= {fault.pointer for fault in faults}  # fmt: skip


@pytest.mark.parametrize(
    "value", [None, [], 1, "x", {}, {"array": {"parameters": []}}, {"inputs": [None], "outputs": {}}]
)
def test_nothing_that_json_can_say_breaks_the_judge(value: Any) -> None:
    """Whatever the body is, the answer is a list of faults."""
    assert judge(value, schema_faults(value), {"hotel": Offer(DOCUMENT, SOFTWARE)}.get)


def test_a_judge_leaves_the_specification_alone() -> None:
    """Judging changes nothing of what was sent."""
    spec = {
        **BARE,
        "inputs": [{"path": "/x", "source": {}}],
        "environment": {"1": "x"},
        "software": {"kind": 1},
    }
    before = copy.deepcopy(spec)

    judge(spec, schema_faults(spec), {"hotel": Offer(DOCUMENT, SOFTWARE)}.get)

    assert json.dumps(before) == json.dumps(spec)
