"""From the command to the first answer."""

from __future__ import annotations

import servers
from figures import Figure, Goal, Section

_GOAL = Goal("value", "at most", 1.5)


def measure(rounds: int) -> Section:
    """Start our mock and Prism in turn."""
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for server, measured in ((servers.ours(), mine), (servers.prism(dynamic=False), theirs)):
            with server.start() as running:
                measured.append(running.start_seconds)
    figures = [Figure(servers.PRISM_STATIC, theirs), Figure(servers.OURS, mine, theirs, _GOAL)]
    return Section("Start to first answer", "seconds", figures, servers.PRISM_STATIC)
