"""Faults of form are told by JSON pointer, all of them, and only those of the branch meant."""

from typing import Any

import pytest

from common_compute_connector import contract, schemas

SPEC: dict[str, Any] = {
    "facility_id": "hotel",
    "software": {"kind": "container", "image": "debian:12"},
    "command": ["/bin/true"],
}


def _pointers(value: Any) -> list[str | None]:
    return [fault.pointer for fault in schemas.component("JobSpec").faults(value)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"resources": {"cpu_cores": 1.0, "gpus": 0}},
        {"metadata": {"nothing": None, "deep": [{"a": None}]}},
        {"labels": {"a": "", "b/c.d_e-f": "x"}},
        {"command": ["x", ""]},
        {"environment": {"_": "a\nb", "A1": ""}},
        {"software": {"kind": "installed", "name": "python"}},
        {"software": {"kind": "container", "image": "ghcr.io:443/a/b_c/d-e:1.0@sha256:" + "0" * 64}},
        {"inputs": [{"path": ".a/b c/..d", "source": {"kind": "inline", "content_base64": "YQ=="}}]},
        {"array": {"count": 2}},
        {"array": {"parameters": [{"a": "1"}]}},
    ],
)
def test_a_good_specification_has_no_fault(changes: dict[str, Any]) -> None:
    """What the contract allows is not a fault."""
    assert [] == _pointers({**SPEC, **changes})


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"surprise": 1}, ["/surprise"]),
        ({"a/b~c": 1}, ["/a~1b~0c"]),
        ({"name": ""}, ["/name"]),
        ({"name": "a\x85b"}, ["/name"]),
        ({"name": None}, ["/name"]),
        ({"command": []}, ["/command"]),
        ({"command": [""]}, ["/command/0"]),
        ({"command": ["a", "b\0"]}, ["/command/1"]),
        ({"command": "true"}, ["/command"]),
        ({"environment": {"CC_X": "", "1A": "", "é": "", "OK": "\0"}}, [
            "/environment/1A", "/environment/CC_X", "/environment/OK", "/environment/é"]),
        ({"environment": {"A\n": ""}}, ["/environment/A\n"]),
        ({"software": {}}, ["/software/kind"]),
        ({"software": {"kind": "repository"}}, ["/software/kind"]),
        ({"software": "python"}, ["/software"]),
        ({"software": {"kind": "container"}}, ["/software"]),
        ({"software": {"kind": "container", "image": "UPPER"}}, ["/software/image"]),
        ({"software": {"kind": "installed", "image": "a"}}, ["/software/image", "/software/name"]),
        ({"resources": {"cpu_cores": -1, "memory_bytes": 1.5, "gpus": "1", "surprise": 1}}, [
            "/resources/cpu_cores", "/resources/gpus", "/resources/memory_bytes", "/resources/surprise"]),
        ({"inputs": [{"path": "/a", "source": {"kind": "inline"}}, {}]}, [
            "/inputs/0/path", "/inputs/0/source/content_base64", "/inputs/1/path", "/inputs/1/source"]),
        ({"inputs": [{"path": "a", "source": {"kind": "inline", "content_base64": "a"}}]}, [
            "/inputs/0/source/content_base64"]),
        ({"outputs": [{"path": path} for path in ("", ".", "..", "a//b", "a/", "a/./b", "../a", "a\nb")]}, [
            f"/outputs/{at}/path" for at in range(8)]),
        ({"array": {}}, ["/array"]),
        ({"array": {"count": 0}}, ["/array/count"]),
        ({"array": {"count": 1, "parameters": [{"a": "1"}]}}, ["/array"]),
        ({"array": {"parameters": [{"CC_A": "1"}, {"a": 1}, {}]}}, [
            "/array/parameters/0/CC_A", "/array/parameters/1/a", "/array/parameters/2"]),
        ({"labels": {"a b": "", "": "", "k": "a\tb"}}, ["/labels/", "/labels/a b", "/labels/k"]),
        ({"labels": {f"k{number}": "" for number in range(65)}}, ["/labels"]),
        ({"metadata": []}, ["/metadata"]),
    ],
)  # fmt: skip
def test_each_fault_has_its_pointer(changes: dict[str, Any], pointers: list[str]) -> None:
    """Every member at fault is named, and nothing else is."""
    assert pointers == _pointers({**SPEC, **changes})


@pytest.mark.parametrize("value", [None, 1, "x", [], True])
def test_what_is_no_object_is_one_fault(value: Any) -> None:
    """A body that is no object is at fault as a whole."""
    assert [""] == _pointers(value)


def test_missing_members_are_named() -> None:
    """Each member that has to be there has a pointer of its own."""
    assert ["/command", "/facility_id", "/software"] == _pointers({})


def test_a_fault_does_not_repeat_its_value() -> None:
    """What was sent may be secret, so the words about it never hold it."""
    secret = "hunter2\0"
    faults = schemas.component("JobSpec").faults({**SPEC, "name": secret, "environment": {"A": secret}})

    assert 2 == len(faults)
    assert not any("hunter2" in fault.detail for fault in faults)


def test_the_number_of_faults_is_bounded() -> None:
    """A body with very many faults is answered with the first of them."""
    assert schemas.MAX_FAULTS == len(_pointers({**SPEC, "command": ["\0"] * (schemas.MAX_FAULTS + 10)}))


def test_every_schema_of_the_contract_compiles_and_fits_its_examples() -> None:
    """Request and response schemas of all operations can be compiled, and the examples beside them fit."""
    looked_at = 0
    for operation in contract.operations().values():
        for response in operation.responses.values():
            for content in response.get("content", {}).values():
                validator = schemas.compiled(content["schema"])
                for example in content.get("examples", {}).values():
                    value = contract.resolved(example).get("value")
                    if isinstance(value, dict):
                        assert [] == validator.faults(value)
                        looked_at += 1
    assert looked_at > 20
