"""Verify a certificate's file: whether it is complete, unedited and consistent, and for which versions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from common_compute_conformance.certificate import FORMAT, kit_facts
from common_compute_conformance.requirements import load_requirements
from common_compute_conformance.seal import digest_of, file_of

_MOST_FAULTS = 3
_FINE = ("passed", "not-applicable")


@dataclass(frozen=True)
class Verification:
    """What a verification found: what stands against the file, and which versions it is for, in sentences."""

    document: Mapping[str, Any] | None
    faults: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Tell whether nothing stands against the file."""
        return not self.faults


def verify(content: bytes) -> Verification:
    """Verify the bytes of a certificate's file.

    This is no signature: who edits a certificate and seals it again is found out only where it then
    contradicts itself or the spec.
    """
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return Verification(None, (f"It is no JSON, or was cut short, and so is not whole ({error}).",))
    if not isinstance(document, dict) or "footer" not in document:
        return Verification(None, ("It has no footer, without which no certificate is whole.",))
    if document.get("format") != FORMAT:
        return Verification(None, (f"Its format is {document.get('format')!r}, and not {FORMAT}.",))
    faults = list(_faults_of_form(document)) or list(_faults_of_seal(document, content))
    if faults:
        return Verification(document, tuple(faults))
    faults = [*_faults_of_account(document), *_faults_against_the_spec(document)]
    return Verification(document, tuple(faults), tuple(_versions(document)))


def schema_text() -> bytes:
    """Return the JSON Schema of certificates."""
    return files("common_compute_conformance.reporting").joinpath("certificate.schema.json").read_bytes()


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema_text()), validate_formats=True)


def _faults_of_form(document: Mapping[str, Any]) -> Iterator[str]:
    for number, error in enumerate(_validator().iter_errors(document)):
        if number == _MOST_FAULTS:
            return
        place = "".join(f"/{step}" for step in error.instance_path)
        yield f"It does not fit the schema of certificates at {place or 'its top'}: {error.message[:200]}."


def _faults_of_seal(document: Mapping[str, Any], content: bytes) -> Iterator[str]:
    body = {name: value for name, value in document.items() if name != "footer"}
    footer = document["footer"]
    if list(document)[-1] != "footer":
        yield "Its footer is not its last member, so that something was added or moved."
    if footer["requirements"] != len(document["requirements"]):
        yield (
            f"Its footer counts {footer['requirements']} requirements, and {len(document['requirements'])} "
            "are there."
        )
    if footer["sha256"] != digest_of(body):
        yield f"It was edited: its footer's digest is {footer['sha256']}, and its own {digest_of(body)}."
    elif file_of(document) != content:
        yield "It was edited: its values are those of its digest, but its text is not as the kit writes it."


def _faults_of_account(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield where what the certificate concludes is not what its requirements say."""
    entries = document["requirements"]
    fine = any(entry["outcome"] == "passed" for entry in entries) and all(map(_is_fine, entries))
    fine = fine and "stopped" not in document
    words = ("partial-passed", "partial-failed") if document["partial"] else ("certified", "refused")
    if document["verdict"] != words[0 if fine else 1]:
        yield f"Its verdict is {document['verdict']}, and its requirements make {words[0 if fine else 1]}."
    good = []
    for name, told in document["classes"].items():
        mine = [entry for entry in entries if entry["class"] == name]
        counts = Counter(entry["outcome"] for entry in mine if entry["verified_by"] == "http")
        is_fine = "stopped" not in document and all(map(_is_fine, mine))
        if (told["fine"], told["outcomes"]) != (is_fine, {each: counts[each] for each in told["outcomes"]}):
            yield f"What it says of the class {name} is not what its requirements say."
        if told["claimed"] and is_fine and not document["partial"]:
            good.append(name)
    if document["certified_classes"] != good:
        yield f"It certifies {_listed(document['certified_classes'])}, and its requirements {_listed(good)}."


def _is_fine(entry: Mapping[str, Any]) -> bool:
    return not entry["decides"] or entry["outcome"] in _FINE


def _faults_against_the_spec(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the requirements are not those of the spec, if this kit knows it."""
    ids = [entry["id"] for entry in document["requirements"]]
    if len(set(ids)) != len(ids):
        yield "A requirement is in it twice."
    if not _knows_spec(document):
        return
    known = {requirement.id: requirement for requirement in load_requirements()}
    strange = [each for each in ids if each not in known]
    if strange:
        yield f"Its spec has no requirement {_listed(strange)}."
    missing = [each for each in known if each not in set(ids)]
    if missing and not document["partial"]:
        yield f"It is incomplete: of the requirements of its spec {_listed(missing)} is not in it."
    for entry in document["requirements"]:
        requirement = known.get(entry["id"])
        if requirement is not None and (
            requirement.sentence,
            requirement.conformance_class,
            requirement.level,
            requirement.verified_by,
        ) != (entry["sentence"], entry["class"], entry["level"], entry["verified_by"]):
            yield f"Its spec says otherwise of {entry['id']} than it does."


def _knows_spec(document: Mapping[str, Any]) -> bool:
    return bool(document["spec"] == kit_facts()["spec"])


def _versions(document: Mapping[str, Any]) -> Iterator[str]:
    mine = kit_facts()
    known = "the one that this kit carries" if _knows_spec(document) else "which this kit does not know"
    yield f"It is about the spec {document['spec_version']}, {known}."
    told = document["kit"]
    same = (told, document["suite"]) == (mine["kit"], mine["suite"])
    whose = "this kit" if same else f"not this kit, which is {mine['kit']['name']} {mine['kit']['version']}"
    if not same and told["version"] == mine["kit"]["version"]:
        whose = "a kit of this version with other code"
    yield f"It was made by {told['name']} {told['version']}, {whose}."


def _listed(words: list[str]) -> str:
    shown = ", ".join(words[:_MOST_FAULTS])
    return (f"{shown} and {len(words) - _MOST_FAULTS} more" if len(words) > _MOST_FAULTS else shown) or "none"
