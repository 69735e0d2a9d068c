"""Whether a job specification is accepted: its form, and what the facility can do."""

import base64
from collections.abc import Iterator
from typing import Any

import facility
from job_form import faults_of_form
from problems import Fault
from shapes import Path
from strict_json import compact_size

METADATA_BYTES = 65536


def faults_of(body: Any) -> list[Fault]:
    """List every fault of a body; an error's pointer goes to the top-level member that holds the fault."""
    of_form = list(faults_of_form(body))
    faults = [_fault(path, detail) for path, detail in of_form]
    if isinstance(body, dict):
        # What has no form is not judged any further; all that has is.
        sound = _sound(body, [path for path, _ in of_form])
        for judge in (_facility, _software, _command_line, _inputs, _outputs, _resources, _others):
            faults += judge(sound)
    return faults


def inline_bytes(source: dict[str, Any]) -> bytes:
    """Decode the bytes of an inline input."""
    return base64.b64decode(source["content_base64"])


def _fault(path: Path, detail: str, code: str = "invalid-request") -> Fault:
    where = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    pointer = "/" + where.split("/")[1] if path else ""
    return Fault("pointer", pointer, f"{where or 'The body'}: {detail}.", code)


def _sound(value: Any, faults: list[Path]) -> Any:
    """Leave out of a value the members in which there is a fault, but not those beside them."""
    inside = {path[0]: [other[1:] for other in faults if other[:1] == path[:1]] for path in faults if path}
    if isinstance(value, dict):
        return {
            name: _sound(value[name], inside.get(name, []))
            for name in value
            if () not in inside.get(name, [])
        }
    if isinstance(value, list):
        return [
            _sound(item, inside.get(index, []))
            for index, item in enumerate(value)
            if () not in inside.get(index, [])
        ]
    return value


def _facility(spec: dict[str, Any]) -> Iterator[Fault]:
    if spec.get("facility_id", facility.FACILITY_ID) != facility.FACILITY_ID:
        yield _fault(
            ("facility_id",), f"there is only the facility {facility.FACILITY_ID}", "unknown-facility"
        )


def _software(spec: dict[str, Any]) -> Iterator[Fault]:
    software = spec.get("software", {})
    if software.get("kind") == "container":
        yield _fault(("software",), "no containers run here", "unsupported-capability")
    elif "name" in software:
        versions = [entry["version"] for entry in facility.CATALOGUE if entry["name"] == software["name"]]
        if not versions:
            yield _fault(("software",), "the catalogue has no software of this name", "unknown-software")
        elif software.get("version", versions[0]) not in versions:
            yield _fault(("software",), f"it is there as version {', '.join(versions)}", "unknown-software")


def _command_line(spec: dict[str, Any]) -> Iterator[Fault]:
    environment = spec.get("environment", {})
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > facility.MAX_ENVIRONMENT_BYTES:
        limit = f"{size} bytes are more than the {facility.MAX_ENVIRONMENT_BYTES} that are allowed"
        yield _fault(("environment",), limit, "limit-exceeded")
    if "array" in spec:
        yield _fault(("array",), "no arrays run here", "unsupported-capability")


def _inputs(spec: dict[str, Any]) -> Iterator[Fault]:
    inputs = spec.get("inputs", [])
    paths = [entry["path"] for entry in inputs if "path" in entry]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            yield _fault(("inputs",), f"{path} is there twice")
        if any(other.startswith(f"{path}/") for other in paths):
            yield _fault(("inputs",), f"{path} is also the directory of another input")
    sources = [entry.get("source", {}) for entry in inputs]
    if any(source.get("kind") in ("url", "storage") for source in sources):
        yield _fault(("inputs",), "bytes have to come inline", "unsupported-capability")
    size = sum(len(inline_bytes(source)) for source in sources if "content_base64" in source)
    if size > facility.MAX_INLINE_TOTAL_BYTES:
        limit = f"{size} bytes are more than the {facility.MAX_INLINE_TOTAL_BYTES} that are allowed"
        yield _fault(("inputs",), limit, "limit-exceeded")


def _outputs(spec: dict[str, Any]) -> Iterator[Fault]:
    if any("destination" in output for output in spec.get("outputs", [])):
        yield _fault(("outputs",), "results are kept here and sent nowhere", "unsupported-capability")


def _resources(spec: dict[str, Any]) -> Iterator[Fault]:
    resources = spec.get("resources", {})
    if resources.get("wall_time_seconds") == 0:
        yield _fault(("resources",), "wall_time_seconds is at least 1")
    for name in facility.UNSUPPORTED_RESOURCES:
        if name in resources:
            yield _fault(("resources",), f"{name} cannot be asked for here", "unsupported-capability")


def _others(spec: dict[str, Any]) -> Iterator[Fault]:
    if "metadata" in spec and compact_size(spec["metadata"]) > METADATA_BYTES:
        yield _fault(("metadata",), f"it has more than {METADATA_BYTES} bytes as compact JSON")
    if "backend_parameters" in spec:
        yield _fault(("backend_parameters",), "this facility has none", "unsupported-capability")
