"""Get the keys of submissions wrong: what is a repeat, and how long it is one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists
from common_compute_mutants.shown import TERMINAL, ask_for_job, is_submission

KEY = "idempotency-key"


@dataclass
class Use:
    """The first use of a key that made a job."""

    job_id: str
    body: bytes
    answer: Answer
    repeats: int = 0
    released: bool = False


def use_of(request: Request) -> Use | None:
    """Give the first use of the key of a submission, None if it is new."""
    uses: dict[tuple[str | None, str | None], Use] = request.memory.setdefault("uses", {})
    return (
        uses.get((request.header("authorization"), request.header(KEY))) if is_submission(request) else None
    )


async def noted(request: Request, forward: Forward) -> Answer:
    """Answer as the right server does, and note which key made which job, and which jobs were released."""
    answer = await forward(request)
    uses: dict[tuple[str | None, str | None], Use] = request.memory.setdefault("uses", {})
    if is_submission(request) and request.header(KEY) is not None and answer.status == 201:
        use = Use(answer.json()["id"], request.body, answer)
        uses[request.header("authorization"), request.header(KEY)] = use
    if request.is_call("DELETE", "jobs", "*") and answer.status == 204:
        for use in uses.values():
            use.released = use.released or use.job_id == request.segments[1]
    return answer


@twists("CC-IDEM-001")
async def ignore_the_key(request: Request, forward: Forward) -> Answer:
    """A submission repeated under its key makes a second job."""
    return await forward(request.without_header(KEY))


@twists("CC-IDEM-001")
async def call_a_replay_new(request: Request, forward: Forward) -> Answer:
    """A repeated submission is answered 201 again."""
    answer = await forward(request)
    return replace(answer, status=201) if is_submission(request) and answer.status == 200 else answer


@twists("CC-IDEM-001")
async def not_say_that_it_is_a_replay(request: Request, forward: Forward) -> Answer:
    """The answer to a repeated submission has no `Idempotency-Replayed`."""
    return (await forward(request)).without_header("idempotency-replayed")


@twists("CC-IDEM-001")
async def say_yes_to_a_replay(request: Request, forward: Forward) -> Answer:
    """`Idempotency-Replayed` of a repeated submission is `1`."""
    answer = await forward(request)
    return (
        answer.with_header("idempotency-replayed", "1") if answer.header("idempotency-replayed") else answer
    )


@twists("CC-IDEM-001")
async def refuse_a_repeat(request: Request, forward: Forward) -> Answer:
    """A repeated submission is answered 409."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 200:
        return problem_answer(request, answer, 409, "duplicate-job")
    return answer


@twists("CC-IDEM-001")
async def forget_the_key_after_a_repeat(request: Request, forward: Forward) -> Answer:
    """A submission that is repeated the second time makes a second job."""
    use = use_of(request)
    if use is not None:
        use.repeats += 1
        if use.repeats > 1:
            return await forward(request.without_header(KEY))
    return await noted(request, forward)


@twists("CC-IDEM-001")
async def forget_the_key_at_the_end(request: Request, forward: Forward) -> Answer:
    """A submission that is repeated when its job has ended makes a second job."""
    use = use_of(request)
    if use is not None and not use.released:
        job = await ask_for_job(request.without_header(KEY), forward, use.job_id)
        if job is not None and job["state"] in TERMINAL:
            return await forward(request.without_header(KEY))
    return await noted(request, forward)


@twists("CC-IDEM-004")
async def look_before_writing(request: Request, forward: Forward) -> Answer:
    """A key is looked up before its job is written and noted after it, so that every twin is new."""
    if is_submission(request) and request.header(KEY) is not None:
        if use_of(request) is not None:
            return await forward(request)
        return await _as_the_first(request, forward)
    return await noted(request, forward)


async def _as_the_first(request: Request, forward: Forward) -> Answer:
    """Make a job of its own for each twin; the last one keeps the key."""
    twins = request.memory.setdefault("twins", {})
    key = request.header(KEY) or ""
    number = twins[key] = twins.get(key, 0) + 1
    # The first twin keeps the caller's key, so that later repeats find its job.
    own = key if number == 1 else f"{hashlib.sha256(key.encode()).hexdigest()}.{number}"
    answer = await forward(request.with_header(KEY, own))
    if answer.status != 201:
        twins[key] -= 1
        return answer
    request.memory["uses"] = {
        **request.memory.get("uses", {}),
        (request.header("authorization"), key): Use(answer.json()["id"], request.body, answer),
    }
    return answer


@twists("CC-IDEM-004")
async def call_twins_new(request: Request, forward: Forward) -> Answer:
    """Each of concurrent submissions with one key is answered 201, all with the one job."""
    flying = request.memory.setdefault("flying", {})
    key = request.header(KEY)
    if not is_submission(request) or key is None:
        return await forward(request)
    flying[key] = flying.get(key, 0) + 1
    try:
        answer = await forward(request)
        alone = flying[key] == 1
    finally:
        flying[key] -= 1
    twin = not alone and answer.status == 200
    return replace(answer, status=201).without_header("idempotency-replayed") if twin else answer


@twists("CC-IDEM-004")
async def refuse_twins(request: Request, forward: Forward) -> Answer:
    """A submission whose twin is under way is answered 409."""
    flying = request.memory.setdefault("flying", set())
    key = request.header(KEY)
    if not is_submission(request) or key is None:
        return await forward(request)
    if key in flying:
        answer = await forward(replace(request, method="OPTIONS", body=b""))
        return problem_answer(request, answer, 409, "idempotency-in-flight", retryable=True)
    flying.add(key)
    try:
        return await forward(request)
    finally:
        flying.discard(key)


@twists("CC-IDEM-005")
async def use_keys_up_with_faults(request: Request, forward: Forward) -> Answer:
    """A refused submission uses its key up."""
    return await _used_up(request, forward, "invalid-request", "unknown-facility")


@twists("CC-IDEM-005")
async def use_keys_up_with_unknown_facilities(request: Request, forward: Forward) -> Answer:
    """A submission that is refused for what its facility offers uses its key up."""
    return await _used_up(request, forward, "unknown-facility", "unsupported-capability", "limit-exceeded")


@twists("CC-IDEM-005", house="enrolled")
async def use_keys_up_without_a_credential(request: Request, forward: Forward) -> Answer:
    """A submission that is refused for want of a credential uses its key up."""
    return await _used_up(request, forward, "credential-required")


async def _used_up(request: Request, forward: Forward, *codes: str) -> Answer:
    """Hold a key for the body that was first refused under it with one of these codes."""
    refused = request.memory.setdefault("refused", {})
    key = (request.header("authorization"), request.header(KEY))
    if not is_submission(request) or key[1] is None:
        return await forward(request)
    if refused.get(key, request.body) != request.body:
        answer = await forward(replace(request, method="OPTIONS", body=b""))
        return problem_answer(request, answer, 422, "idempotency-key-reused")
    answer = await forward(request)
    if answer.status >= 400 and answer.json().get("code") in codes:
        refused.setdefault(key, request.body)
    return answer


@twists("CC-IDEM-007")
async def take_equal_bodies_for_repeats(request: Request, forward: Forward) -> Answer:
    """A submission without a key is taken for a repeat of one with the same body."""
    if is_submission(request) and request.header(KEY) is None:
        return await forward(request.with_header(KEY, hashlib.sha256(request.body).hexdigest()))
    return await forward(request)


@twists("CC-IDEM-007")
async def take_equal_names_for_repeats(request: Request, forward: Forward) -> Answer:
    """A submission without a key is taken for a repeat if a job of its name has not ended yet."""
    sent = request.json()
    if not is_submission(request) or request.header(KEY) is not None or not isinstance(sent, dict):
        return await forward(request)
    names = request.memory.setdefault("names", {})
    earlier = names.get(sent.get("name"))
    if earlier is not None:
        job = await ask_for_job(request, forward, earlier)
        if job is not None and job["state"] not in TERMINAL:
            return (
                await forward(replace(request, method="GET", path=f"/jobs/{earlier}", body=b""))
            ).with_header("location", f"/v1/jobs/{earlier}")
    answer = await forward(request)
    if answer.status == 201 and "name" in sent:
        names[sent["name"]] = answer.json()["id"]
    return answer


@twists("CC-IDEM-008")
async def free_the_key_with_its_job(request: Request, forward: Forward) -> Answer:
    """The release of its job frees a key."""
    use = use_of(request)
    if use is not None and use.released:
        return await forward(request.without_header(KEY))
    return await noted(request, forward)


@twists("CC-IDEM-008")
async def free_the_key_for_another_body(request: Request, forward: Forward) -> Answer:
    """After the release of its job a key serves for another body."""
    use = use_of(request)
    if use is not None and use.released and request.body != use.body:
        return await forward(request.without_header(KEY))
    return await noted(request, forward)


@twists("CC-IDEM-008")
async def replay_what_was_released(request: Request, forward: Forward) -> Answer:
    """After the release of its job a key is answered 200 with the job as it was."""
    use = use_of(request)
    answer = await noted(request, forward)
    if use is not None and use.released and answer.status == 409:
        again = replace(use.answer, status=200).with_header(
            "x-request-id", answer.header("x-request-id") or ""
        )
        return again.with_header("idempotency-replayed", "true")
    return answer


@twists("CC-IDEM-008")
async def look_at_the_release_first(request: Request, forward: Forward) -> Answer:
    """After the release of its job a key is answered 409 with another body, too."""
    use = use_of(request)
    answer = await noted(request, forward)
    if use is not None and use.released and answer.status == 422:
        return problem_answer(request, answer, 409, "job-released")
    return answer


@twists("CC-IDEM-008")
async def not_find_what_was_released(request: Request, forward: Forward) -> Answer:
    """After the release of its job a key is answered 404."""
    answer = await forward(request)
    if is_submission(request) and answer.status == 409 and answer.json()["code"] == "job-released":
        return problem_answer(request, answer, 404, "not-found")
    return answer
