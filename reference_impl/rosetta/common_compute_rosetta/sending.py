"""Results with a destination: sent from their host in the background, once their task has ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from common_compute_connector.protocol import EndedTask
from common_compute_rosetta.calls import Argument, Call, Site, compose
from common_compute_rosetta.collect import Outcomes, TaskId, Wanted
from common_compute_rosetta.destinations import Sent
from common_compute_rosetta.mover import mover, mover_name, mover_settings
from common_compute_rosetta.sandbox import directory_name, key_of
from common_compute_rosetta.staging_settings import StagingSettings


@dataclass(frozen=True, slots=True)
class Seen:
    """How tasks with destinations stand: those under way, and what came of the files of the others."""

    under_way: frozenset[TaskId] = frozenset()
    done: Mapping[TaskId, Outcomes] = field(default_factory=dict)


class Sending:
    """The results that one account's jobs on one host send elsewhere."""

    def __init__(
        self, settings: StagingSettings | None, ask: Callable[[Call], Awaitable[Sequence[str]]]
    ) -> None:
        self._settings = settings
        self._ask = ask

    async def look(self, ended: Sequence[EndedTask], site: Site) -> Seen:
        """Ask how it stands with the tasks that have a destination; none of them is begun."""
        tasks = [task for task in ended if any(rule.destination_url is not None for rule in task.outputs)]
        if not tasks or self._settings is None:
            return Seen()
        lines: list[Sequence[Argument]] = []
        for task in tasks:
            lines += [("task", directory_name(task.part.key), task.index), ("tell",)]
        return read_seen(await self._ask(self._call(self._settings, site, lines)))

    async def begin(self, wanted: Sequence[Wanted], site: Site) -> frozenset[TaskId]:
        """Have files sent, and name the tasks of which they are; without settings nothing is sent."""
        if not wanted or self._settings is None:
            return frozenset()
        lines: list[Sequence[Argument]] = []
        for want in wanted:
            lines.append(("task", directory_name(want.task.part.key), want.task.index))
            for one in want.deliveries:
                directory, _, base = one.name.rpartition(b"/")
                lines.append(("file", one.label, one.url, directory, base))
            lines.append(("tell",))
        await self._ask(self._call(self._settings, site, lines))
        return frozenset((want.task.part.key, want.task.index) for want in wanted)

    def _call(self, settings: StagingSettings, site: Site, lines: Sequence[Sequence[Argument]]) -> Call:
        variables: dict[str, Argument] = {
            **mover_settings(settings),
            "MOST": 0,
            "MOVER": mover_name(),
            "MOVER_TEXT": mover(),
        }
        return compose("sending", site, variables=variables, lines=lines)


def read_seen(lines: Sequence[str]) -> Seen:
    """Read the answer of `sh/sending.sh`."""
    under_way: set[TaskId] = set()
    done: dict[TaskId, dict[str, Sent | str]] = {}
    outcomes: dict[str, Sent | str] = {}
    for line in lines:
        word, first, second = line.split("\t", 2)
        if word == "file-sent":
            size, _, digest = second.partition(" ")
            outcomes[first] = Sent(int(size), digest)
        elif word == "file-unsent":
            outcomes[first] = second
        elif word == "sent":
            outcomes = done.setdefault((key_of(first), int(second)), {})
        elif word != "unknown":
            under_way.add((key_of(first), int(second)))
    return Seen(frozenset(under_way), done)
