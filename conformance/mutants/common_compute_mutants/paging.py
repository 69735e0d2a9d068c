"""Page through lists in wrong ways."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from common_compute_mutants.exchange import Answer, Forward, Request, problem_answer
from common_compute_mutants.registry import twists

_MEMBERS = {"jobs": "jobs", "tasks": "tasks", "results": "results", "software": "software"}
_LARGEST = 1000
_PAGING = ("page_size", "page_token")


def _member(request: Request) -> str | None:
    """Return under which name the answer holds the entries, None for what is no paged list."""
    if request.method != "GET" or len(request.segments) not in (1, 3):
        return None
    return _MEMBERS.get(request.segments[-1])


def _filters(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in request.query if pair[0] not in _PAGING)


@twists("CC-SVC-016")
async def give_the_first_page_again(request: Request, forward: Forward) -> Answer:
    """`page_token` is ignored, and every page is the first."""
    return await forward(request.without_parameter("page_token"))


@twists("CC-SVC-016")
async def lose_an_entry_between_pages(request: Request, forward: Forward) -> Answer:
    """Every page of jobs but the first lacks its last entry."""
    answer = await forward(request)
    if request.is_call("GET", "jobs") and request.parameter("page_token") and answer.status == 200:
        return answer.edited(lambda page: page["jobs"].pop() if page["jobs"] else None)
    return answer


@twists("CC-SVC-016")
async def give_the_last_entry_again(request: Request, forward: Forward) -> Answer:
    """Every page of results begins with the last entry of the page before it."""
    answer = await forward(request)
    if _member(request) != "results" or answer.status != 200:
        return answer
    before = request.memory.get(request.parameter("page_token") or "")
    page = answer.json()
    request.memory[page.get("next_page_token")] = page["results"][-1:]
    return (
        answer.edited(lambda shown: shown.update(results=[*before, *shown["results"]][:-1]))
        if before
        else answer
    )


@twists("CC-SVC-016")
async def give_one_entry_more(request: Request, forward: Forward) -> Answer:
    """A page of tasks has one entry more than `page_size`."""
    size = request.parameter("page_size")
    if _member(request) == "tasks" and size and size.isdecimal() and 0 < int(size) < _LARGEST:
        return await forward(request.with_parameter("page_size", str(int(size) + 1)))
    return await forward(request)


@twists("CC-SVC-016", house="dirac")
async def give_all_software_at_once(request: Request, forward: Forward) -> Answer:
    """list_software gives its whole catalogue whatever `page_size` says."""
    size = request.parameter("page_size")
    if _member(request) == "software" and size and size.isdecimal() and 0 < int(size) < _LARGEST:
        return await forward(request.with_parameter("page_size", str(_LARGEST)))
    return await forward(request)


@twists("CC-SVC-016")
async def count_pages(request: Request, forward: Forward) -> Answer:
    """A page token stands for a page's number, so that another `page_size` on the way skips entries."""
    asked = request.parameter("page_size") or "100"
    member, size = _member(request), int(asked) if re.fullmatch("[0-9]+", asked) else 0
    number = request.memory.get(request.parameter("page_token") or "", 0)
    if member is None or not 0 < (number + 1) * size <= _LARGEST:
        return await forward(request)
    upto = request.without_parameter("page_token").with_parameter("page_size", str((number + 1) * size))
    answer = await forward(upto if number else request)
    if answer.status != 200:
        return answer
    request.memory[answer.json().get("next_page_token")] = number + 1
    if not number:
        return answer
    return answer.edited(lambda page: page.update({member: page[member][number * size :]}))


@twists("CC-SVC-016")
async def end_without_a_token(request: Request, forward: Forward) -> Answer:
    """The page of jobs after the first has no `next_page_token`, however many follow."""
    answer = await forward(request)
    if request.is_call("GET", "jobs") and request.parameter("page_token") and answer.status == 200:
        return answer.edited(lambda page: page.pop("next_page_token", None))
    return answer


@twists("CC-SVC-016")
async def take_one_for_two(request: Request, forward: Forward) -> Answer:
    """A page of one entry is not to be had: it has two."""
    if request.is_call("GET", "jobs") and request.parameter("page_size") == "1":
        return await forward(request.with_parameter("page_size", "2"))
    return await forward(request)


@twists("CC-SVC-017")
async def give_fifty_results(request: Request, forward: Forward) -> Answer:
    """list_results gives 50 entries where the request says nothing."""
    if _member(request) == "results" and request.parameter("page_size") is None:
        return await forward(request.with_parameter("page_size", "50"))
    return await forward(request)


@twists("CC-SVC-017")
async def give_all_results(request: Request, forward: Forward) -> Answer:
    """list_results gives as many entries as it may where the request says nothing."""
    if _member(request) == "results" and request.parameter("page_size") is None:
        return await forward(request.with_parameter("page_size", str(_LARGEST)))
    return await forward(request)


@twists("CC-SVC-017")
async def give_five_tasks(request: Request, forward: Forward) -> Answer:
    """list_tasks gives 5 entries where the request says nothing."""
    if _member(request) == "tasks" and request.parameter("page_size") is None:
        return await forward(request.with_parameter("page_size", "5"))
    return await forward(request)


@twists("CC-SVC-017")
async def cut_the_page_size_down(request: Request, forward: Forward) -> Answer:
    """A `page_size` above 1000 is taken as 1000."""
    size = request.parameter("page_size")
    if _member(request) and size and size.isdecimal() and size.isascii() and int(size) > _LARGEST:
        return await forward(request.with_parameter("page_size", str(_LARGEST)))
    return await forward(request)


@twists("CC-SVC-017")
async def take_zero_for_the_default(request: Request, forward: Forward) -> Answer:
    """A `page_size` of 0 is taken as none, in the list of tasks."""
    if _member(request) == "tasks" and request.parameter("page_size") == "0":
        return await forward(request.without_parameter("page_size"))
    return await forward(request)


@twists("CC-SVC-017")
async def read_numbers_as_python_does(request: Request, forward: Forward) -> Answer:
    """`page_size` is read as Python reads an integer: with blanks around it, underscores and any digits."""
    size = request.parameter("page_size")
    if _member(request) and size is not None:
        try:
            return await forward(request.with_parameter("page_size", str(int(size))))
        except ValueError:
            pass
    return await forward(request)


@twists("CC-SVC-017")
async def read_numbers_as_far_as_they_go(request: Request, forward: Forward) -> Answer:
    """`page_size` is read up to its first character that is no digit, as C's atoi does."""
    size = request.parameter("page_size") or ""
    digits = size[: len(size) - len(size.lstrip("0123456789"))]
    if _member(request) == "results" and digits and digits != size:
        return await forward(request.with_parameter("page_size", digits))
    return await forward(request)


@twists("CC-SVC-018")
async def begin_again_at_a_strange_token(request: Request, forward: Forward) -> Answer:
    """A page token that the service did not make gives the first page."""
    answer = await forward(request)
    if _member(request) and request.parameter("page_token") and answer.status == 422:
        first = await forward(request.without_parameter("page_token"))
        return first if first.status == 200 else answer
    return answer


@twists("CC-SVC-018")
async def say_400_of_a_strange_token(request: Request, forward: Forward) -> Answer:
    """A page token that the service did not make is answered 400."""
    answer = await forward(request)
    if _member(request) and request.parameter("page_token") and answer.status == 422:
        return problem_answer(request, answer, 400, "malformed-request")
    return answer


@twists("CC-SVC-018")
async def let_the_token_win(request: Request, forward: Forward) -> Answer:
    """A page token goes on with the filters that it was made for, whatever the request's filters are."""
    return await _with_known_token(request, forward, other_filters=True)


@twists("CC-SVC-018")
async def share_tokens_between_jobs(request: Request, forward: Forward) -> Answer:
    """A page token of one job's results is taken for another job's, from the beginning."""
    return await _with_known_token(request, forward, other_filters=False)


async def _with_known_token(request: Request, forward: Forward, *, other_filters: bool) -> Answer:
    member, token = _member(request), request.parameter("page_token")
    made_for: Any = request.memory.get(token or "")
    asked = request
    if member and made_for is not None:
        path, filters = made_for
        if other_filters and path == request.path and filters != _filters(request):
            own = tuple(pair for pair in request.query if pair[0] in _PAGING)
            asked = replace(request, query=(*filters, *own))
        elif not other_filters and path != request.path and member == "results" and "results" in path:
            asked = request.without_parameter("page_token")
    answer = await forward(asked)
    if member and answer.status == 200:
        request.memory[answer.json().get("next_page_token")] = (asked.path, _filters(asked))
    return answer


@twists("CC-SVC-018")
async def forgive_a_letter(request: Request, forward: Forward) -> Answer:
    """A page token is not protected: with one letter changed it still leads somewhere."""
    token = request.parameter("page_token")
    if _member(request) is None:
        return await forward(request)
    answer = await forward(request)
    if token and answer.status == 422:
        for made in list(request.memory):
            if len(made) == len(token) and sum(a != b for a, b in zip(made, token, strict=True)) == 1:
                return await forward(request.with_parameter("page_token", made))
    if answer.status == 200 and "next_page_token" in answer.json():
        request.memory[answer.json()["next_page_token"]] = True
    return answer


@twists("CC-SVC-018")
async def take_an_empty_token_for_none(request: Request, forward: Forward) -> Answer:
    """An empty `page_token` gives the first page."""
    if _member(request) and request.parameter("page_token") == "":
        return await forward(request.without_parameter("page_token"))
    return await forward(request)
