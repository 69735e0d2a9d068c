"""What a job demands of its facility, held against what the facility offers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

from common_compute_connector.admission.offer import Offer
from common_compute_connector.admission.resources import resource_faults
from common_compute_connector.admission.software import software_faults
from common_compute_connector.admission.sound import Sound
from common_compute_connector.admission.tasks import Tasks
from common_compute_connector.admission.verdicts import exceeded, scheme_of, unlisted_scheme, unsupported
from common_compute_connector.errors import Fault
from common_compute_connector.schemas import pointer


def demand_faults(sound: Sound, offer: Offer) -> Iterator[Fault]:
    """Name what the facility does not have or allow, in the order of the contract's members."""
    tasks = Tasks(sound)
    yield from software_faults(sound, offer)
    yield from _environment_faults(sound, offer, tasks)
    yield from _input_faults(sound, offer, tasks)
    yield from _output_faults(sound, offer)
    yield from resource_faults(sound, offer)
    yield from _array_faults(sound, offer)
    yield from _backend_faults(sound, offer)


def _environment_faults(sound: Sound, offer: Offer, tasks: Tasks) -> Iterator[Fault]:
    limit = offer.limits["max_environment_bytes"]
    if any(tasks.unknown(value) for value in sound.environment.values()):
        return
    texts = "".join(sound.environment.values())
    if (sound.parameters or tasks.varies(texts)) and not tasks.are_few_and_alike(offer):
        return
    if tasks.largest_environment() > limit:
        place = ["environment"] if sound.environment else ["array", "parameters"]
        yield exceeded(place, "The number of bytes in names and values, of the largest task,", limit)


def _input_faults(sound: Sound, offer: Offer, tasks: Tasks) -> Iterator[Fault]:
    schemes = offer.document["input_url_schemes"]
    storages = [storage["name"] for storage in offer.document["storage"]]
    inline = 0
    for at, entry in sound.inputs:
        source = entry["source"]
        place: list[str | int] = ["inputs", at, "source"]
        if source["kind"] == "inline":
            text = source["content_base64"]
            inline += len(text) // 4 * 3 - text[-2:].count("=")
        elif "staging" not in offer.classes:
            yield unsupported([*place, "kind"], "The facility takes inline inputs only.")
        elif source["kind"] == "storage":
            if source["storage"] not in storages:
                yield unsupported([*place, "storage"], "The facility has no storage of this name.")
        elif tasks.unknown(source["url"]) or not tasks.can_be_seen(source["url"], offer):
            continue  # the scheme may stand in a parameter, and these faults are told elsewhere
        elif any(scheme_of(url) not in schemes for url in tasks.each(source["url"])):
            yield unlisted_scheme([*place, "url"], schemes)
    if inline > (limit := offer.limits["max_inline_total_bytes"]):
        yield exceeded(["inputs"], "The number of bytes of all inline inputs", limit)


def _output_faults(sound: Sound, offer: Offer) -> Iterator[Fault]:
    schemes = offer.document["input_url_schemes"]
    for at, entry in sound.outputs:
        if "destination" not in entry:
            continue
        place: list[str | int] = ["outputs", at, "destination"]
        if "staging" not in offer.classes:
            yield unsupported(place, "The facility does not send results anywhere.")
        elif scheme_of(entry["destination"]["url"]) not in schemes:
            yield unlisted_scheme([*place, "url"], schemes)


def _array_faults(sound: Sound, offer: Offer) -> Iterator[Fault]:
    if sound.array is None:
        return
    if "arrays" not in offer.classes:
        yield unsupported(["array"], "The facility takes no jobs of many tasks.")
    elif sound.task_count > (limit := offer.limits["max_array_tasks"]):
        place = ["array", "count" if "count" in sound.array else "parameters"]
        yield exceeded(place, "The number of tasks", limit)


def _backend_faults(sound: Sound, offer: Offer) -> Iterator[Fault]:
    if sound.backend_parameters is None:
        return
    schema = offer.document.get("backend_parameters")
    if schema is None:
        yield unsupported(["backend_parameters"], "The facility has no parameters of its own.")
        return
    validator = _compiled(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
    for error in validator.iter_errors(sound.backend_parameters):
        place = ["backend_parameters", *error.instance_path]
        facts = error.kind.as_dict()
        for name in facts.get("unexpected", [facts["property"]] if "property" in facts else [None]):
            inner = place if name is None else [*place, name]
            detail = f"This does not fit the facility's own schema ({error.kind.name})."
            yield Fault("invalid-request", detail, pointer=pointer(inner))


@lru_cache(maxsize=64)
def _compiled(schema: bytes) -> Any:
    return jsonschema_rs.validator_for(orjson.loads(schema))
