"""Get the facilities' documents and their catalogues wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, json_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.specification import Spec, facility_of, reading, texts


async def _tell(request: Request, forward: Forward, edit: Callable[[Any], object]) -> Answer:
    """Change each facility document on its way out, in the list and alone."""
    answer = await forward(request)
    if answer.status == 200 and request.is_call("GET", "facilities"):
        return answer.edited(lambda page: [edit(each) for each in page["facilities"]])
    if answer.status == 200 and request.is_call("GET", "facilities", "*"):
        return answer.edited(edit)
    return answer


@twists("CC-FAC-001")
async def list_facilities_in_short(request: Request, forward: Forward) -> Answer:
    """list_facilities leaves out the description, which only get_facility gives."""
    answer = await forward(request)
    if request.is_call("GET", "facilities") and answer.status == 200:
        return answer.edited(lambda page: [each.pop("description") for each in page["facilities"]])
    return answer


@twists("CC-FAC-001")
async def tell_other_limits_alone(request: Request, forward: Forward) -> Answer:
    """get_facility gives another limit than list_facilities."""
    answer = await forward(request)
    if request.is_call("GET", "facilities", "*") and answer.status == 200:
        return answer.edited(lambda facility: facility["limits"].update(max_array_tasks=10))
    return answer


@twists("CC-FAC-001")
async def find_facilities_by_name(request: Request, forward: Forward) -> Answer:
    """get_facility finds a facility by its name instead of its id."""
    if request.is_call("GET", "facilities", "*"):
        listed = await forward(replace(request, path="/facilities"))
        if listed.status != 200:
            return listed
        for facility in listed.json()["facilities"]:
            if facility["name"] == request.segments[1]:
                return json_answer(200, facility, listed)
        return await forward(replace(request, path="/facilities/-"))
    return await forward(request)


@twists("CC-FAC-001")
async def list_a_facility_twice(request: Request, forward: Forward) -> Answer:
    """list_facilities gives a facility twice."""
    answer = await forward(request)
    if request.is_call("GET", "facilities") and answer.status == 200:
        return answer.edited(lambda page: page["facilities"].append(page["facilities"][0]))
    return answer


@twists("CC-FAC-001")
async def list_what_nobody_finds(request: Request, forward: Forward) -> Answer:
    """list_facilities gives a facility that get_facility does not find."""
    answer = await forward(request)
    if request.is_call("GET", "facilities") and answer.status == 200:
        return answer.edited(
            lambda page: page["facilities"].append({**page["facilities"][0], "id": "planned"})
        )
    return answer


@twists("CC-FAC-001")
async def list_no_facility(request: Request, forward: Forward) -> Answer:
    """list_facilities gives nothing, though jobs are taken for a facility."""
    answer = await forward(request)
    if request.is_call("GET", "facilities") and answer.status == 200:
        return answer.edited(lambda page: page.update(facilities=[]))
    return answer


@twists("CC-FAC-002")
async def take_core_for_granted_at_a_facility(request: Request, forward: Forward) -> Answer:
    """`conforms_to` of a facility does not name `core`."""
    return await _tell(request, forward, lambda facility: facility["conforms_to"].remove("core"))


@twists("CC-FAC-002")
async def run_nothing(request: Request, forward: Forward) -> Answer:
    """`conforms_to` of a facility names neither `container` nor `software`."""
    return await _tell(request, forward, lambda facility: facility["conforms_to"].remove("container"))


@twists("CC-FAC-002", house="dirac")
async def claim_containers_without_a_probe(request: Request, forward: Forward) -> Answer:
    """A facility of installed software claims `container` as well, with no image to probe it."""
    return await _tell(request, forward, lambda facility: facility["conforms_to"].append("container"))


@twists("CC-FAC-002")
async def name_no_probe(request: Request, forward: Forward) -> Answer:
    """`probe` of a facility is empty."""
    return await _tell(request, forward, lambda facility: facility.update(probe={}))


@twists("CC-FAC-004", house="dirac")
async def admit_unknown_parameters(request: Request, forward: Forward) -> Answer:
    """The schema in `backend_parameters` admits members that it does not know."""
    return await _tell(
        request, forward, lambda facility: facility["backend_parameters"].pop("additionalProperties")
    )


@twists("CC-FAC-004", house="dirac")
async def admit_what_is_no_object(request: Request, forward: Forward) -> Answer:
    """The schema in `backend_parameters` has no type and so admits a text."""
    return await _tell(request, forward, lambda facility: facility["backend_parameters"].pop("type"))


@twists("CC-FAC-004", house="dirac")
async def misspell_the_schema(request: Request, forward: Forward) -> Answer:
    """`backend_parameters` is no JSON Schema, since a type in it does not exist."""
    return await _tell(request, forward, lambda facility: facility["backend_parameters"].update(type="dict"))


@twists("CC-FAC-004", house="dirac")
async def describe_parameters_in_words(request: Request, forward: Forward) -> Answer:
    """`backend_parameters` gives a description for each name, which as a JSON Schema admits everything."""
    words = {"Priority": "from 0 to 10", "Platform": "a name"}
    return await _tell(request, forward, lambda facility: facility.update(backend_parameters=words))


@twists("CC-FAC-006")
async def announce_no_runtime(request: Request, forward: Forward) -> Answer:
    """A facility with containers announces no container runtime."""
    return await _tell(request, forward, lambda facility: facility.update(container_runtimes=[]))


@twists("CC-FAC-006")
async def announce_a_runtime_for_nothing(request: Request, forward: Forward) -> Answer:
    """A container runtime is announced without a format that it takes."""
    return await _tell(
        request, forward, lambda facility: facility["container_runtimes"][0].update(image_formats=[])
    )


@twists("CC-FAC-006")
async def announce_a_format_of_its_own(request: Request, forward: Forward) -> Answer:
    """A second container runtime takes a format that the contract does not have."""
    runtime = {"name": "udocker", "version": "1.3.10", "image_formats": ["docker"]}
    return await _tell(request, forward, lambda facility: facility["container_runtimes"].append(runtime))


async def _catalogue(request: Request, forward: Forward, edit: Callable[[Any], object]) -> Answer:
    answer = await forward(request)
    if request.is_call("GET", "facilities", "*", "software") and answer.status == 200:
        return answer.edited(lambda page: edit(page["software"]))
    return answer


@twists("CC-FAC-008", house="dirac")
async def have_two_defaults(request: Request, forward: Forward) -> Answer:
    """The newest version of each software is a default beside the default."""

    def edit(entries: list[dict[str, Any]]) -> None:
        for _, versions in groupby(entries, key=lambda entry: entry["name"]):
            next(versions)["default"] = True

    return await _catalogue(request, forward, edit)


@twists("CC-FAC-008", house="dirac")
async def have_no_default_of_one(request: Request, forward: Forward) -> Answer:
    """A software of which there is one version has no default."""

    def edit(entries: list[dict[str, Any]]) -> None:
        names = [entry["name"] for entry in entries]
        for entry in entries:
            entry["default"] = entry["default"] and names.count(entry["name"]) > 1

    return await _catalogue(request, forward, edit)


async def _select(request: Request, forward: Forward, fits: Callable[[str, str], bool]) -> Answer:
    """Answer `name=` with the entries of which the name fits, all on one page."""
    wanted = request.parameter("name")
    if not request.is_call("GET", "facilities", "*", "software") or wanted is None:
        return await forward(request)
    answer = await forward(request.without_parameter("name"))
    if answer.status != 200:
        return answer
    return answer.edited(
        lambda page: page.update(software=[each for each in page["software"] if fits(each["name"], wanted)])
    )


@twists("CC-FAC-009", house="dirac")
async def find_software_in_any_case(request: Request, forward: Forward) -> Answer:
    """`name=` of list_software pays no regard to case."""
    return await _select(request, forward, lambda name, wanted: name.lower() == wanted.lower())


@twists("CC-FAC-009", house="dirac")
async def find_software_by_its_beginning(request: Request, forward: Forward) -> Answer:
    """`name=` of list_software gives whatever begins like that."""
    return await _select(request, forward, lambda name, wanted: name.startswith(wanted))


@twists("CC-FAC-009", house="dirac")
async def ignore_the_name(request: Request, forward: Forward) -> Answer:
    """`name=` of list_software is ignored."""
    return await _select(request, forward, lambda name, wanted: True)  # noqa: ARG005


@twists("CC-FAC-009", house="dirac")
async def find_software_as_sql_does(request: Request, forward: Forward) -> Answer:
    """`name=` of list_software takes `_` for any one character, as SQL's LIKE does."""

    def fits(name: str, wanted: str) -> bool:
        return len(name) == len(wanted) and all(b in ("_", a) for a, b in zip(name, wanted, strict=True))

    return await _select(request, forward, fits)


@twists("CC-FAC-010")
async def announce_an_architecture_to_come(request: Request, forward: Forward) -> Answer:
    """An architecture is announced that submissions may not name."""
    return await _tell(request, forward, lambda facility: facility["architectures"].append("arm64"))


@twists("CC-FAC-010", house="dirac")
async def announce_a_closed_site(request: Request, forward: Forward) -> Answer:
    """A site is announced that submissions may not name."""
    return await _tell(request, forward, lambda facility: facility["sites"].append("LCG.CLOSED.org"))


@twists("CC-FAC-010")
async def open_the_default_queue_only(request: Request, forward: Forward) -> Answer:
    """Of the queues that are announced submissions may name the default one only."""
    default = next(
        (queue["name"] for queue in (await facility_of(request, forward))["queues"] if queue["default"]), None
    )

    def edit(spec: Spec) -> None:
        if texts(spec, "resources").get("queue", default) != default:
            spec["resources"]["queue"] = "closed"

    return await reading(request, forward, edit)
