"""Overlook what software a submission asks for."""

from __future__ import annotations

from collections.abc import Callable

from common_compute_mutants.capabilities import is_refused_for, recoded
from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.specification import Spec, facility_of, reading, texts

_IMAGE = {"kind": "container", "image": "debian:12-slim"}


def _software(request: Request) -> Spec:
    spec = request.json() if request.is_submission else None
    return texts(spec, "software") if isinstance(spec, dict) else {}


@twists("CC-VAL-015")
async def run_repositories(request: Request, forward: Forward) -> Answer:
    """The software kind `repository` is accepted."""

    def edit(spec: Spec) -> None:
        if texts(spec, "software").get("kind") == "repository":
            spec["software"] = _IMAGE

    return await reading(request, forward, edit)


@twists("CC-VAL-015")
async def say_501_of_repositories(request: Request, forward: Forward) -> Answer:
    """The software kind `repository` is answered 501."""
    answer = await forward(request)
    if _software(request).get("kind") == "repository" and answer.status == 422:
        return problem_answer(request, answer, 501, "not-implemented")
    return answer


@twists("CC-VAL-015")
async def say_conflict_of_repositories(request: Request, forward: Forward) -> Answer:
    """The software kind `repository` is answered 409."""
    answer = await forward(request)
    if _software(request).get("kind") == "repository" and answer.status == 422:
        return problem_answer(request, answer, 409, "not-implemented")
    return answer


async def _installed(
    request: Request, forward: Forward, edit: Callable[[Spec, list[Spec]], object]
) -> Answer:
    """Read installed software as `edit` leaves it, which is given the catalogue as well."""
    if _software(request).get("kind") != "installed":
        return await forward(request)
    facility = await facility_of(request, forward)
    catalogue = await forward(Request("GET", f"/facilities/{facility['id']}/software", (), (), b""))
    entries = catalogue.json()["software"]
    return await reading(request, forward, lambda spec: edit(texts(spec, "software"), entries))


@twists("CC-VAL-016", house="dirac")
async def run_the_default_version(request: Request, forward: Forward) -> Answer:
    """Software in a version that the catalogue does not have runs in its default version."""

    def edit(software: Spec, entries: list[Spec]) -> None:
        known = [each["version"] for each in entries if each["name"] == software.get("name")]
        if known and software.get("version", known[0]) not in known:
            del software["version"]

    return await _installed(request, forward, edit)


@twists("CC-VAL-016", house="dirac")
async def know_versions_by_their_beginning(request: Request, forward: Forward) -> Answer:
    """Software in a version of which the catalogue has the longer name is accepted."""

    def edit(software: Spec, entries: list[Spec]) -> None:
        asked = software.get("version")
        known = [each["version"] for each in entries if each["name"] == software.get("name")]
        if isinstance(asked, str) and asked not in known:
            software["version"] = next((each for each in known if each.startswith(asked)), asked)

    return await _installed(request, forward, edit)


@twists("CC-VAL-016", house="dirac")
async def know_software_by_its_beginning(request: Request, forward: Forward) -> Answer:
    """Software with a name that begins like one of the catalogue's is accepted."""

    def edit(software: Spec, entries: list[Spec]) -> None:
        asked = software.get("name")
        if isinstance(asked, str):
            known = (each["name"] for each in entries if asked.startswith(each["name"]))
            software["name"] = next(known, asked)

    return await _installed(request, forward, edit)


@twists("CC-VAL-016", house="dirac")
async def know_software_in_any_case(request: Request, forward: Forward) -> Answer:
    """Software is known by its name in capital letters, too."""

    def edit(software: Spec, entries: list[Spec]) -> None:
        asked = software.get("name")
        if isinstance(asked, str):
            known = (each["name"] for each in entries if asked.lower() == each["name"].lower())
            software["name"] = next(known, asked)

    return await _installed(request, forward, edit)


@twists("CC-VAL-016", house="dirac")
async def call_unknown_software_unsupported(request: Request, forward: Forward) -> Answer:
    """Software that is not in the catalogue is answered 422 `unsupported-capability`."""
    answer = await forward(request)
    return recoded(answer, "unsupported-capability") if is_refused_for(answer, "unknown-software") else answer


@twists("CC-VAL-017")
async def run_any_archive(request: Request, forward: Forward) -> Answer:
    """An image archive is accepted whatever its format and its scheme."""

    def edit(spec: Spec) -> None:
        if isinstance(texts(spec, "software").get("image_archive"), dict):
            spec["software"] = _IMAGE

    return await reading(request, forward, edit)


@twists("CC-VAL-017")
async def call_an_archive_invalid(request: Request, forward: Forward) -> Answer:
    """An image archive in a format that no container runtime takes is answered 422 `invalid-request`."""
    answer = await forward(request)
    if "image_archive" in _software(request) and is_refused_for(answer, "unsupported-capability"):
        return recoded(answer, "invalid-request")
    return answer


async def _with_archives(request: Request, forward: Forward, *formats: str) -> Answer:
    """Take archives in these formats at any scheme, while `sif` over https is all that is announced."""
    answer = await forward(request)
    if answer.status == 200 and request.is_call("GET", "facilities"):
        return answer.edited(lambda page: _announce(*page["facilities"]))
    if answer.status == 200 and request.is_call("GET", "facilities", "*"):
        return answer.edited(_announce)
    archive = texts(_software(request), "image_archive")
    if is_refused_for(answer, "unsupported-capability") and archive.get("format") in formats:
        return await reading(request, forward, lambda spec: spec.update(software=_IMAGE))
    return answer


def _announce(*facilities: Spec) -> None:
    for facility in facilities:
        facility["container_runtimes"][0]["image_formats"].append("sif")
        facility["input_url_schemes"] = ["https"]


@twists("CC-VAL-017")
async def fetch_archives_from_anywhere(request: Request, forward: Forward) -> Answer:
    """An image archive is accepted at a URL with any scheme."""
    return await _with_archives(request, forward, "sif")


@twists("CC-VAL-017")
async def take_every_kind_of_archive(request: Request, forward: Forward) -> Answer:
    """An image archive is accepted in any format, and at any scheme but for the format that is announced."""
    return await _with_archives(request, forward, "docker-archive", "oci-archive")
