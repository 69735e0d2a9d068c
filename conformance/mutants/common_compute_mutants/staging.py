"""Take inputs from where the facility does not, or show what is secret in their URLs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import edit_jobs, gives_jobs, is_submission

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*")
_SECRET = re.compile(r"token|secret|password|signature|key", re.IGNORECASE)
Spec = dict[str, Any]


def _urls(spec: Any) -> list[tuple[dict[str, Any], str]]:
    """Give the places in a specification where a URL stands, of inputs and outputs."""
    if not isinstance(spec, dict):
        return []
    places: list[tuple[dict[str, Any], str]] = []
    for name, holder in (("inputs", "source"), ("outputs", "destination")):
        for entry in spec.get(name) or []:
            held = entry.get(holder) if isinstance(entry, dict) else None
            if isinstance(held, dict) and isinstance(held.get("url"), str):
                places.append((held, "url"))
    return places


def _storages(spec: Any) -> list[tuple[dict[str, Any], str]]:
    """Give the places in a specification where the name of a storage stands."""
    if not isinstance(spec, dict) or not isinstance(spec.get("inputs"), list):
        return []
    sources = [entry.get("source") for entry in spec["inputs"] if isinstance(entry, dict)]
    return [(held, "storage") for held in sources if isinstance(held, dict) and "storage" in held]


async def _rewritten(
    request: Request,
    forward: Forward,
    places: Callable[[Any], list[tuple[dict[str, Any], str]]],
    change: Callable[[str], str],
) -> Answer:
    """Have another text judged in these places of a submission, and show the one that was sent."""
    sent = request.memory.setdefault("sent", {})
    original = [holder[name] for holder, name in places(request.json())] if is_submission(request) else []

    def rewrite(spec: Spec) -> None:
        for holder, name in places(spec):
            holder[name] = change(holder[name])

    answer = await forward(request.edited(rewrite) if original else request)
    if original and answer.status == 201:
        sent[answer.json()["id"]] = original

    def restore(job: dict[str, Any]) -> None:
        for (holder, name), text in zip(places(job.get("spec")), sent.get(job["id"], []), strict=False):
            holder[name] = _SCHEME.sub(_SCHEME.match(text)[0], holder[name]) if name == "url" else text  # type: ignore[index]

    return edit_jobs(answer, restore) if gives_jobs(request) else answer


@twists("CC-STAGE-004", house="enrolled")
async def take_any_scheme(request: Request, forward: Forward) -> Answer:
    """A URL with a scheme that the facility does not list is accepted."""
    return await _rewritten(request, forward, _urls, lambda url: _SCHEME.sub("https", url))


@twists("CC-STAGE-004", house="enrolled")
async def take_the_scheme_without_its_s(request: Request, forward: Forward) -> Answer:
    """A URL with `http` is accepted where the facility lists `https`."""
    return await _rewritten(request, forward, _urls, lambda url: re.sub(r"^http:", "https:", url))


@twists("CC-STAGE-004", house="enrolled")
async def send_results_anywhere(request: Request, forward: Forward) -> Answer:
    """A destination with a scheme that the facility does not list is accepted."""

    def destinations(spec: Any) -> list[tuple[dict[str, Any], str]]:
        return [place for place in _urls(spec) if "kind" not in place[0]]

    return await _rewritten(request, forward, destinations, lambda url: _SCHEME.sub("https", url))


@twists("CC-STAGE-004", house="enrolled")
async def take_any_storage(request: Request, forward: Forward) -> Answer:
    """A `storage` that the facility does not list is accepted."""
    return await _rewritten(request, forward, _storages, lambda _: "shared")


@twists("CC-STAGE-004", house="enrolled")
async def find_storages_in_any_case(request: Request, forward: Forward) -> Answer:
    """A `storage` is found by its name in capital letters, too."""
    return await _rewritten(request, forward, _storages, str.lower)


@twists("CC-STAGE-004", house="enrolled")
async def not_point_to_the_source(request: Request, forward: Forward) -> Answer:
    """The 422 for a source that the facility does not take has no pointer."""

    def drop(problem: dict[str, Any]) -> None:
        for error in problem.get("errors", []):
            if "/source" in error.get("pointer", ""):
                del error["pointer"]

    answer = await forward(request)
    return answer.edited(drop) if is_submission(request) and answer.status == 422 else answer


@twists("CC-STAGE-004", house="enrolled")
async def point_to_another_input(request: Request, forward: Forward) -> Answer:
    """The 422 for a source that the facility does not take points to the first input, whichever it is."""

    def turn(problem: dict[str, Any]) -> None:
        for error in problem.get("errors", []):
            if "/source" in error.get("pointer", ""):
                error["pointer"] = re.sub(r"^/inputs/[0-9]+", "/inputs/0", error["pointer"])

    answer = await forward(request)
    return answer.edited(turn) if is_submission(request) and answer.status == 422 else answer


async def _shown_as(
    request: Request, forward: Forward, show: Callable[[str, str], str], *, where: Callable[[Request], bool]
) -> Answer:
    """Show what `show` makes of each URL as it was sent and as it should be shown."""
    sent = request.memory.setdefault("sent", {})
    answer = await forward(request)
    if is_submission(request) and answer.status == 201:
        sent[answer.json()["id"]] = [holder[name] for holder, name in _urls(request.json())]

    def reveal(job: dict[str, Any]) -> None:
        for (holder, name), text in zip(_urls(job.get("spec")), sent.get(job["id"], []), strict=False):
            holder[name] = show(text, holder[name])

    return edit_jobs(answer, reveal) if gives_jobs(request) and where(request) else answer


def _everywhere(_: Request) -> bool:
    return True


def _parts(url: str) -> tuple[str, str, str]:
    """Part a URL into what comes before its user part, that part with its `@`, and the rest."""
    found = re.match(r"^([^:/?#]+://)([^/?#]*@)?(.*)$", url, re.DOTALL)
    return (found[1], found[2] or "", found[3]) if found else (url, "", "")


@twists("CC-STAGE-006", house="enrolled")
async def show_urls_as_they_were_sent(request: Request, forward: Forward) -> Answer:
    """URLs in `spec` are shown as they were sent."""
    return await _shown_as(request, forward, lambda text, _: text, where=_everywhere)


@twists("CC-STAGE-006", house="enrolled")
async def show_urls_to_who_sent_them(request: Request, forward: Forward) -> Answer:
    """URLs in `spec` are shown as they were sent in the answer to the submission."""
    return await _shown_as(request, forward, lambda text, _: text, where=is_submission)


@twists("CC-STAGE-006", house="enrolled")
async def show_urls_to_who_cancels(request: Request, forward: Forward) -> Answer:
    """URLs in `spec` are shown as they were sent in the answer to cancel_job."""
    return await _shown_as(
        request, forward, lambda text, _: text, where=lambda r: r.is_call("POST", "jobs", "*", "cancel")
    )


@twists("CC-STAGE-006", house="enrolled")
async def show_users(request: Request, forward: Forward) -> Answer:
    """The user part of a URL in `spec` is shown as it was sent."""

    def show(text: str, shown: str) -> str:
        begin, _, rest = _parts(shown)
        return begin + _parts(text)[1] + rest

    return await _shown_as(request, forward, show, where=_everywhere)


@twists("CC-STAGE-006", house="enrolled")
async def show_user_names(request: Request, forward: Forward) -> Answer:
    """Of the user part of a URL in `spec` the password alone is redacted."""

    def show(text: str, shown: str) -> str:
        begin, user, rest = _parts(shown)
        name = _parts(text)[1].rstrip("@").partition(":")[0]
        return f"{begin}{name}:REDACTED@{rest}" if user else shown

    return await _shown_as(request, forward, show, where=_everywhere)


def _pairs(text: str, shown: str, hides: Callable[[int, str], bool]) -> str:
    """Show the query as it was sent, but for the values that are hidden."""
    head, mark, query = shown.partition("?")
    sent = text.partition("?")[2].split("&")
    told = query.split("&")
    if not mark or len(sent) != len(told):
        return shown
    pairs = [
        t if hides(at, s.partition("=")[0]) else s for at, (s, t) in enumerate(zip(sent, told, strict=True))
    ]
    return f"{head}?{'&'.join(pairs)}"


@twists("CC-STAGE-006", house="enrolled")
async def hide_what_is_called_a_secret(request: Request, forward: Forward) -> Answer:
    """Of a URL's query the values are redacted whose names sound like a secret's."""

    def show(text: str, shown: str) -> str:
        return _pairs(text, shown, lambda _, name: _SECRET.search(name) is not None)

    return await _shown_as(request, forward, show, where=_everywhere)


@twists("CC-STAGE-006", house="enrolled")
async def hide_the_first_value(request: Request, forward: Forward) -> Answer:
    """Of a URL's query the first value is redacted."""
    return await _shown_as(
        request, forward, lambda text, shown: _pairs(text, shown, lambda at, _: at == 0), where=_everywhere
    )


@twists("CC-STAGE-006", house="enrolled")
async def hide_the_secrets_of_inputs(request: Request, forward: Forward) -> Answer:
    """URLs of destinations are shown as they were sent."""
    sent = request.memory.setdefault("sent", {})
    answer = await forward(request)

    def destinations(spec: Any) -> list[tuple[dict[str, Any], str]]:
        return [place for place in _urls(spec) if "kind" not in place[0]]

    if is_submission(request) and answer.status == 201:
        sent[answer.json()["id"]] = [holder[name] for holder, name in destinations(request.json())]

    def reveal(job: dict[str, Any]) -> None:
        for (holder, name), text in zip(destinations(job.get("spec")), sent.get(job["id"], []), strict=False):
            holder[name] = text

    return edit_jobs(answer, reveal) if gives_jobs(request) else answer


@twists("CC-STAGE-006", house="enrolled")
async def hide_the_whole_query(request: Request, forward: Forward) -> Answer:
    """A URL's query is shown as one `REDACTED`, so that its names are lost."""

    def show(_: str, shown: str) -> str:
        head, mark, _query = shown.partition("?")
        return f"{head}?REDACTED" if mark else shown

    return await _shown_as(request, forward, show, where=_everywhere)
