"""Check that what a facility announces, and what it does not, is what a submission is held against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from common_compute_conformance.checks.acceptance import accepted
from common_compute_conformance.checks.refusals import Near, refused
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.ordinary import COUNTED, announced
from common_compute_conformance.trial import Trial

_NAMED = ("architecture", "queue", "site")
_SHA256 = "0" * 64


@check("CC-VAL-009")
def unknown_facilities_are_refused(trial: Trial) -> None:
    """CC-VAL-009: an unknown `facility_id` is 422 `unknown-facility`."""
    body = {**trial.workbench.trivial(), "facility_id": "no-such-facility"}
    refused(trial, body, "unknown-facility", pointer="/facility_id", what="an unknown facility")
    trial.witness("facility_id no-such-facility: unknown-facility, at /facility_id")


def _members_of_unclaimed_classes(trial: Trial) -> Iterator[tuple[str, str, dict[str, Any]]]:
    trivial, claims = trial.workbench.trivial, trial.target.claims
    if not claims("container"):
        yield (
            "container",
            "/software/kind",
            {**trivial(), "software": {"kind": "container", "image": "busybox"}},
        )
    if not claims("software"):
        yield "software", "/software/kind", {**trivial(), "software": {"kind": "installed", "name": "shell"}}
    if not claims("arrays"):
        yield "arrays", "/array", trivial(array={"count": 1})
    if not claims("staging"):
        url = {"kind": "url", "url": "https://example.org/x"}
        yield "staging", "/inputs/0/source", trivial(inputs=[{"path": "x", "source": url}])
        stored = {"kind": "storage", "storage": "no-such-storage", "path": "x"}
        yield "staging", "/inputs/0/source", trivial(inputs=[{"path": "x", "source": stored}])
        output = {"path": "x", "destination": {"url": "https://example.org/x"}}
        yield "staging", "/outputs/0/destination", trivial(outputs=[output])


@check("CC-VAL-010")
def members_of_unclaimed_classes_are_refused(trial: Trial) -> None:
    """CC-VAL-010: a member that needs a class that is not claimed is 422 `unsupported-capability`."""
    members = list(_members_of_unclaimed_classes(trial))
    if not members:
        trial.not_applicable("the facility claims every class that a member of a job needs")
    for name, pointer, body in members:
        what = f"{pointer} without the class {name}"
        refused(trial, body, "unsupported-capability", pointer=pointer, what=what, near=Near.AROUND_OR_WITHIN)
        trial.witness(f"{pointer} without {name}: unsupported-capability")


@check("CC-VAL-011")
def what_the_facility_lacks_is_refused(trial: Trial) -> None:
    """CC-VAL-011: an unknown queue, architecture or site, or an unsupported resource, is 422, also 0."""
    for name in _NAMED:
        body = trial.workbench.trivial(resources={name: f"no-such-{name}"})
        refused(
            trial, body, "unsupported-capability", pointer=f"/resources/{name}", what=f"an unknown {name}"
        )
        trial.witness(f"{name} no-such-{name}: unsupported-capability")
    for name, values in announced(trial.target).items():
        for value in {each.swapcase() for each in values} - set(values):
            body = trial.workbench.trivial(resources={name: value})
            what = f"{name} {value}, which is announced in other letters"
            refused(trial, body, "unsupported-capability", pointer=f"/resources/{name}", what=what)
            trial.witness(f"{what}: unsupported-capability")
    for name in COUNTED:
        if trial.target.resource(name)["support"] != "unsupported":
            continue
        for number in (0, 1):
            body = trial.workbench.trivial(resources={name: number})
            refused(
                trial, body, "unsupported-capability", pointer=f"/resources/{name}", what=f"{name} {number}"
            )
            trial.witness(f"{name} {number}: unsupported-capability")


@check("CC-FAC-010", specimens=("optional",))
def what_is_announced_is_accepted(trial: Trial) -> None:
    """CC-FAC-010: each queue, architecture and site that is announced is accepted where supported."""
    named = announced(trial.target)
    if not named:
        trial.not_applicable("the facility supports none of queue, architecture and site")
    if not trial.target.claims("validation"):
        specimen = trial.workbench.specimen("optional")
        trial.witness(f"{specimen.id} was accepted with {specimen.body['resources']}")
        return
    for name, values in named.items():
        for value in values:
            body = trial.workbench.trivial(resources={name: value})
            accepted(trial, body, f"{name} {value}, which is announced,")
        trial.witness(f"{name}: {', '.join(values)}")


def _misfits(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield parameters that a schema does not admit: an unknown one, and known ones of a wrong kind."""
    validator = jsonschema_rs.validator_for(schema)
    candidates: list[dict[str, Any]] = [{"no_such_parameter_of_any_backend": 1}]
    wrong: tuple[Any, ...] = (-1, 10**15, "", "x", [], {}, [7], True)
    candidates += [{name: value} for name in schema.get("properties", {}) for value in wrong]
    for parameters in candidates:
        if not validator.is_valid(parameters):
            yield f"/backend_parameters/{next(iter(parameters))}", parameters


@check("CC-VAL-014")
def backend_parameters_fit_their_schema(trial: Trial) -> None:
    """CC-VAL-014: `backend_parameters` that do not fit the facility's schema are 422."""
    schema = trial.target.facility.get("backend_parameters")
    if schema is None:
        misfits = [("/backend_parameters", {}), ("/backend_parameters", {"any": 1})]
    else:
        misfits = list(_misfits(schema))
    if not misfits:
        trial.not_assessed("the facility's schema admits everything, against CC-FAC-004")
    for pointer, parameters in misfits:
        body = trial.workbench.trivial(backend_parameters=parameters)
        near = Near.AROUND_OR_WITHIN
        refused(trial, body, pointer=pointer, what=f"the backend parameters {parameters}", near=near)
        trial.witness(
            f"{parameters}: 422" + ("" if schema is not None else ", since the facility takes none")
        )


@check("CC-VAL-015")
def repository_is_reserved(trial: Trial) -> None:
    """CC-VAL-015: the software kind `repository` is 422."""
    software = {"kind": "repository", "url": "https://example.org/r"}
    refused(
        trial,
        {**trial.workbench.trivial(), "software": software},
        pointer="/software/kind",
        what="a repository",
    )
    trial.witness("software of kind repository: 422")


@check("CC-VAL-016")
def unknown_software_is_refused(trial: Trial) -> None:
    """CC-VAL-016: installed software whose name or version is not in the catalogue is 422."""
    name = str(trial.target.probes["installed"]["name"])
    entries = trial.workbench.walk("list_software", "software", facility_id=trial.target.facility_id)
    names = {str(each["name"]) for each in entries}
    versions = {str(each["version"]) for each in entries if each["name"] == name}
    cases = [({"name": each}, "/software/name") for each in ("no-such-software", name + "x", name.swapcase())]
    cases += [
        ({"name": name, "version": each}, "/software/version")
        for each in ("no-such-version", *(version[:-1] for version in sorted(versions)))
    ]
    for software, pointer in cases:
        if software["name"] in names and software.get("version") in versions | {None, ""}:
            continue
        body = {**trial.workbench.trivial(), "software": {"kind": "installed", **software}}
        refused(trial, body, "unknown-software", pointer=pointer, what=str(software))
        trial.witness(f"{software}: unknown-software")


@check("CC-VAL-017")
def archives_need_a_format_and_a_scheme(trial: Trial) -> None:
    """CC-VAL-017: an image archive in a format or at a scheme that the facility lacks is 422."""
    taken = {
        name for runtime in trial.target.facility["container_runtimes"] for name in runtime["image_formats"]
    }
    schemes = trial.target.facility["input_url_schemes"]
    formats = ("sif", "docker-archive", "oci-archive")
    for name in formats:
        if name in taken and schemes:
            continue
        scheme = schemes[0] if schemes else "https"
        _archive_refused(trial, f"{scheme}://example.org/image", name)
    _archive_refused(
        trial, "no-such-scheme://example.org/image", next((name for name in formats if name in taken), "sif")
    )


def _archive_refused(trial: Trial, url: str, name: str) -> None:
    archive = {"url": url, "sha256": _SHA256, "format": name}
    software = {"kind": "container", "image_archive": archive}
    what = f"an archive in {name} at {url}"
    body = {**trial.workbench.trivial(), "software": software}
    near = Near.AROUND_OR_WITHIN
    refused(trial, body, "unsupported-capability", pointer="/software/image_archive", what=what, near=near)
    trial.witness(f"{what}: unsupported-capability")
