"""A facility that is reached by the accounts of its callers: each account has its own connection.

An account that cannot be reached holds up no other: about its parts nothing is said, which is no news.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import structlog

from common_compute_connector.errors import FacilityUnavailable
from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import (
    Absent,
    Accepted,
    Collected,
    Deferred,
    Document,
    EndedTask,
    Enrolment,
    LivePart,
    LogBytes,
    LogSlice,
    Observation,
    Pace,
    Part,
    PartKey,
    Refused,
    ResultBytes,
    ResultSent,
    Stream,
    Submission,
    Unknown,
)
from common_compute_rosetta.accounts import Accounts, NoLogin
from common_compute_rosetta.findings import Findings
from common_compute_rosetta.ssh import KeyRefused, Login

I = TypeVar("I")  # noqa: E741  (an item of a batch)
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Host(Protocol):
    """A facility as one account sees it: the verbs that concern jobs, as `protocol.Connector` has them."""

    async def describe(self) -> Document:
        """Give the facility document."""

    def findings(self) -> Findings | None:
        """Tell what was found there; None before it answered."""

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred | Unknown]:
        """Hand parts over."""

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look for parts."""

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Tell the state of live tasks."""

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Ask for the end of live tasks."""

    def collect(
        self, ended: Sequence[EndedTask]
    ) -> AsyncIterator[LogBytes | ResultBytes | ResultSent | Collected]:
        """Stream logs and results."""

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Read a range of a live log."""

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Remove what parts left."""

    async def close(self) -> None:
        """End the connection."""


class ByAccount:
    """The connector of such a facility; `open_host` makes what works with one login."""

    bound_to_host = False
    shares_server_account = False

    def __init__(
        self,
        facility_id: str,
        pace: Pace,
        max_tasks_per_part: int,
        accounts: Accounts,
        open_host: Callable[[Login], Host],
    ) -> None:
        self.facility_id = facility_id
        self.pace = pace
        self.max_tasks_per_part = max_tasks_per_part
        self._accounts = accounts
        self._open_host = open_host
        self._hosts: dict[Login, Host] = {}

    async def submit(self, batch: Sequence[Submission]) -> Sequence[Accepted | Refused | Deferred | Unknown]:
        """Hand parts over, each with its caller's login; a login that is refused ends its jobs."""
        answers: list[Accepted | Refused | Deferred | Unknown] = []

        async def hand_over(host: Host, some: Sequence[Submission]) -> None:
            answers.extend(await host.submit(some))

        unreached = await self._each(batch, lambda one: one.part.owner, hand_over)
        for submission, trouble in unreached:
            key = submission.part.key
            if _is_refused(trouble):
                answers.append(Refused(key, Reason("credential-rejected", _detail(trouble))))
            else:
                answers.append(Deferred(key, _detail(trouble)))
        return answers

    async def find(self, parts: Sequence[Part]) -> Sequence[Accepted | Absent]:
        """Look for parts in the accounts of their callers."""
        found: list[Accepted | Absent] = []

        async def look(host: Host, some: Sequence[Part]) -> None:
            found.extend(await host.find(some))

        self._insist(parts, await self._each(parts, lambda part: part.owner, look))
        return found

    async def observe(self, parts: Sequence[LivePart]) -> Sequence[Observation]:
        """Tell the state of live tasks, in one call for each account."""
        seen: list[Observation] = []

        async def look(host: Host, some: Sequence[LivePart]) -> None:
            seen.extend(await host.observe(some))

        self._insist(parts, await self._each(parts, lambda live: live.part.owner, look))
        return seen

    async def cancel(self, parts: Sequence[LivePart]) -> None:
        """Ask for the end of live tasks."""

        async def call_off(host: Host, some: Sequence[LivePart]) -> None:
            await host.cancel(some)

        self._insist(parts, await self._each(parts, lambda live: live.part.owner, call_off))

    async def collect(
        self, ended: Sequence[EndedTask]
    ) -> AsyncIterator[LogBytes | ResultBytes | ResultSent | Collected]:
        """Stream what ended tasks left, account by account."""
        unreached: list[tuple[EndedTask, Exception]] = []
        for owner, some in _by_owner(ended, lambda task: task.part.owner).items():
            try:
                host = await self.host_of(owner)
                async for item in host.collect(some):
                    yield item
            except (NoLogin, FacilityUnavailable) as error:
                unreached += [(task, error) for task in some]
        self._insist(ended, unreached)

    async def read_log(
        self, part: Part, index: int, stream: Stream, start: int, stop: int | None
    ) -> LogSlice:
        """Read a range of a live log."""
        try:
            host = await self.host_of(part.owner)
        except NoLogin as error:
            raise FacilityUnavailable(self.facility_id, str(error)) from error
        return await host.read_log(part, index, stream, start, stop)

    async def release(self, parts: Sequence[Part]) -> Sequence[PartKey]:
        """Remove what parts left; where nobody can log in any more, nothing of ours can be reached."""
        removed: list[PartKey] = []

        async def clear(host: Host, some: Sequence[Part]) -> None:
            removed.extend(await host.release(some))

        unreached = await self._each(parts, lambda part: part.owner, clear)
        given_up = [(part, error) for part, error in unreached if isinstance(error, NoLogin)]
        for part, error in given_up:
            _log.warning("left at the facility", part=part.key, detail=str(error))
        self._insist(parts, [pair for pair in unreached if pair not in given_up])
        return [*removed, *(part.key for part, _ in given_up)]

    async def enrol(self, owner: str, request: Document, held: Enrolment | None) -> Enrolment:
        """Take the caller's side of a credential."""
        return await self._accounts.enrol(owner, request, held)

    async def check_enrolment(self, owner: str, held: Enrolment | None) -> Enrolment:
        """Tell the credential's state."""
        return await self._accounts.check(owner, held)

    async def withdraw(self, held: Enrolment) -> None:
        """Forget an enrolment."""
        await self._accounts.withdraw(held)

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(*(host.close() for host in self._hosts.values()))

    @property
    def delegation(self) -> str:
        """The contract's word for whose accounts these are."""
        return self._accounts.delegation

    @property
    def hosts(self) -> Sequence[Host]:
        """The facility as each account that was used so far sees it, the latest first."""
        return list(reversed(self._hosts.values()))

    async def host_of(self, owner: str) -> Host:
        """Give the facility as a caller's account sees it.

        Raises:
            NoLogin: there is none.
        """
        login = await self._accounts.login(owner)
        if login not in self._hosts:
            self._hosts[login] = self._open_host(login)
        return self._hosts[login]

    async def _each(
        self,
        items: Sequence[I],
        owner_of: Callable[[I], str],
        work: Callable[[Host, Sequence[I]], Awaitable[None]],
    ) -> list[tuple[I, Exception]]:
        """Do the work with each login at once, and give what could not be done, with the reason."""
        hosts: dict[Login, list[I]] = defaultdict(list)
        unreached: list[tuple[I, Exception]] = []
        for owner, some in _by_owner(items, owner_of).items():
            try:
                hosts[await self._accounts.login(owner)].extend(some)
            except NoLogin as error:
                unreached += [(item, error) for item in some]

        async def on_one(login: Login, some: Sequence[I]) -> None:
            if login not in self._hosts:
                self._hosts[login] = self._open_host(login)
            try:
                await work(self._hosts[login], some)
            except FacilityUnavailable as error:
                unreached.extend((item, error) for item in some)

        await asyncio.gather(*(on_one(login, some) for login, some in hosts.items()))
        return unreached

    def _insist(self, asked: Sequence[I], unreached: Sequence[tuple[I, Exception]]) -> None:
        """Say that the facility is away if nothing could be done there, and not only for want of keys."""
        away = [error for _, error in unreached if not isinstance(error, NoLogin) and not _is_refused(error)]
        if away and len(unreached) == len(asked):
            raise FacilityUnavailable(self.facility_id, _detail(away[0])) from away[0]


def _by_owner(items: Sequence[I], owner_of: Callable[[I], str]) -> Mapping[str, list[I]]:
    owners: dict[str, list[I]] = defaultdict(list)
    for item in items:
        owners[owner_of(item)].append(item)
    return owners


def _is_refused(error: Exception) -> bool:
    return isinstance(error, NoLogin) or isinstance(error.__cause__, KeyRefused)


def _detail(error: Exception) -> str:
    return error.detail if isinstance(error, FacilityUnavailable) else str(error)
