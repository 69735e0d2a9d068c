"""Check the documents of the facilities, their probes and their catalogues."""

from __future__ import annotations

import re
from itertools import groupby

import jsonschema_rs

from common_compute_conformance.contract import Document
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.ordinary import TOUR, TOUR_SECONDS
from common_compute_conformance.target import PROBE_KINDS
from common_compute_conformance.trial import Trial

# RFC 6570, section 2: literals, and expressions with an operator and variables with modifiers.
_VARIABLE = (
    r"(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})(?:\.?(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2}))*(?:\*|:[1-9][0-9]{0,3})?"
)
_TEMPLATE = re.compile(rf"(?:[^\x00-\x20\"'<>\\^`{{|}}]|\{{[+#./;?&]?{_VARIABLE}(?:,{_VARIABLE})*\}})*")


def _facilities(trial: Trial) -> list[Document]:
    facilities: list[Document] = trial.client.call("list_facilities").expect(200).document()["facilities"]
    return facilities


@check("CC-FAC-001")
def facilities_are_found_by_id(trial: Trial) -> None:
    """CC-FAC-001: get_facility finds each facility of the list, with the same members."""
    facilities = _facilities(trial)
    ids = [each["id"] for each in facilities]
    trial.equal(len(ids), len(set(ids)), "the number of different ids")
    for listed in facilities:
        single = trial.client.call("get_facility", facility_id=str(listed["id"])).expect(200).document()
        trial.equal(sorted(listed), sorted(single), f"the members of {listed['id']}")
        # The status may have changed meanwhile, and so may what the contract does not know.
        for member in sorted((set(listed) & trial.contract.members_of("Facility")) - {"status"}):
            trial.equal(listed[member], single[member], f"{member} of {listed['id']}")
        trial.witness(f"{listed['id']} is the same in the list and by its id")


@check("CC-FAC-002")
def facilities_run_something(trial: Trial) -> None:
    """CC-FAC-002: a facility claims `core`, and `container` or `software`, with a probe for each."""
    for facility in _facilities(trial):
        classes = set(facility["conforms_to"])
        trial.require("core" in classes, f"{facility['id']} does not claim core")
        kinds = [kind for kind, name in PROBE_KINDS.items() if name in classes]
        trial.require(bool(kinds), f"{facility['id']} claims neither container nor software")
        for kind in kinds:
            probe = facility["probe"].get(kind)
            trial.require(
                probe is not None, f"{facility['id']} claims {PROBE_KINDS[kind]}, without a probe for it"
            )
            trial.equal(kind, probe["kind"], f"the kind of probe.{kind} of {facility['id']}")
        trial.witness(f"{facility['id']} has a probe for {' and '.join(kinds)}")


@check("CC-FAC-003", specimens=("tour", "tour-other"))
def probes_have_the_programs(trial: Trial) -> None:
    """CC-FAC-003: /bin/sh, printf, cat, sleep, env, kill and head work in each software of `probe`."""
    for name in ("tour", "tour-other"):
        if not trial.workbench.applies(name):
            continue
        job = trial.workbench.succeeded(name)
        kind = trial.workbench.specimen(name).body["software"]["kind"]
        seen = trial.workbench.content(name, "tour.seen").decode("utf-8", "replace")
        trial.equal(TOUR, seen, f"the programs that worked in the probe of kind {kind}")
        took = trial.workbench.specimen(name).ended - trial.workbench.specimen(name).begun
        slept = f"a job that sleeps {TOUR_SECONDS} s had ended {took:.2f} s after its submission began"
        trial.require(took >= TOUR_SECONDS, slept)
        trial.witness(f"job {job['id']} in {trial.target.probes[kind]}: {', '.join(seen.split())}")


@check("CC-FAC-004")
def backend_parameters_are_a_closed_schema(trial: Trial) -> None:
    """CC-FAC-004: `backend_parameters` is a JSON Schema that admits no unknown members."""
    announced = [each for each in _facilities(trial) if "backend_parameters" in each]
    if not announced:
        trial.not_applicable("no facility announces backend_parameters")
    for facility in announced:
        schema = facility["backend_parameters"]
        trial.require(
            jsonschema_rs.meta.is_valid(schema), f"{facility['id']}: backend_parameters is no JSON Schema"
        )
        validator = jsonschema_rs.validator_for(schema)
        trial.require(
            not validator.is_valid("text"), f"{facility['id']}: backend_parameters admits what is no object"
        )
        trial.require(
            not validator.is_valid({"no_such_parameter_of_any_backend": 1}),
            f"{facility['id']}: backend_parameters admits unknown members",
        )
        trial.witness(f"{facility['id']}: a closed schema of {sorted(schema.get('properties', {}))}")


@check("CC-FAC-005")
def launch_is_a_template(trial: Trial) -> None:
    """CC-FAC-005: `launch.url_template` is a template of RFC 6570."""
    announced = [each for each in _facilities(trial) if "launch" in each]
    if not announced:
        trial.not_applicable("no facility announces launch")
    for facility in announced:
        template = facility["launch"]["url_template"]
        trial.require(_TEMPLATE.fullmatch(template) is not None, f"{template!r} is no template of RFC 6570")
        trial.witness(f"{facility['id']}: {template}")


@check("CC-FAC-006")
def container_runtimes_are_announced(trial: Trial) -> None:
    """CC-FAC-006: a facility with containers announces a runtime and the formats it takes."""
    facility_id = trial.target.facility_id
    facility = trial.client.call("get_facility", facility_id=facility_id).expect(200).document()
    runtimes = facility["container_runtimes"]
    trial.require(len(runtimes) > 0, "the facility claims container and announces no container runtime")
    for runtime in runtimes:
        formats = runtime["image_formats"]
        trial.require(len(formats) > 0, f"{runtime['name']} takes no image format")
        unknown = [each for each in formats if trial.contract.faults_of("ImageFormat", each)]
        trial.require(not unknown, f"{runtime['name']} announces the image formats {unknown}")
        trial.witness(f"{runtime['name']}: {', '.join(formats)}")


def _catalogue(trial: Trial) -> list[Document]:
    return trial.workbench.walk("list_software", "software", facility_id=trial.target.facility_id)


@check("CC-FAC-008")
def each_software_has_one_default(trial: Trial) -> None:
    """CC-FAC-008: each name in the catalogue has exactly one default version."""
    entries = sorted(_catalogue(trial), key=lambda each: str(each["name"]))
    trial.require(bool(entries), "the catalogue is empty")
    for name, group in groupby(entries, key=lambda each: str(each["name"])):
        versions = list(group)
        defaults = [each["version"] for each in versions if each["default"] is True]
        trial.equal(1, len(defaults), f"the number of default versions of {name}")
        trial.equal(
            len(versions), len({each["version"] for each in versions}), f"the different versions of {name}"
        )
        trial.witness(f"{name}: {defaults[0]} of {len(versions)}")


@check("CC-FAC-009")
def software_is_found_by_its_whole_name(trial: Trial) -> None:
    """CC-FAC-009: `name=` gives the entries of exactly that name."""
    entries = _catalogue(trial)
    names = {str(each["name"]) for each in entries}
    for name in sorted(names)[:3]:
        for asked in dict.fromkeys(
            (
                name,
                name.swapcase(),
                name[:-1],
                f"{name}x",
                f"{name} ",
                f"_{name[1:]}",
                f"{name[:1]}%",
                "*",
                ".*",
            )
        ):
            if not asked:
                continue
            found = trial.workbench.walk(
                "list_software", "software", [("name", asked)], facility_id=trial.target.facility_id
            )
            trial.equal(
                [each for each in entries if each["name"] == asked], found, f"the software named {asked!r}"
            )
        trial.witness(f"{name} is found by its name, and by no part of it")
