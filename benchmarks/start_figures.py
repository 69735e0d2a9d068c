"""From the command to the first answer: the time that passes, and the CPU time that it takes."""

from __future__ import annotations

from collections import defaultdict

import servers
from figures import Figure, Goal, Section

_GOAL = Goal("value", "at most", 1.5)


def measure(rounds: int) -> list[Section]:
    """Start our mock and Prism in turn."""
    passed: dict[str, list[float]] = defaultdict(list)
    taken: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds + 1):
        for server in (servers.ours(), servers.prism(dynamic=False)):
            with server.start() as running:
                if turn:  # the first start may have bytecode to write
                    passed[server.name].append(running.start_seconds)
                    taken[server.name].append(running.cpu_seconds())
    return [
        Section(
            title,
            unit,
            [
                Figure(servers.PRISM_STATIC, values[servers.PRISM_STATIC]),
                Figure(servers.OURS, values[servers.OURS], values[servers.PRISM_STATIC], goal),
            ],
            servers.PRISM_STATIC,
        )
        for title, unit, values, goal in (
            ("Start to first answer", "seconds", passed, _GOAL),
            ("CPU time until the first answer", "seconds of CPU", taken, None),
        )
    ]
