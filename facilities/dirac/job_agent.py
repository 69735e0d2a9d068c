"""Run DIRAC's job agent with a cycle every second, no pauses where there was no job, and no harm to its jobs.

DIRAC's own program allows no cycles below ten seconds, and the agent takes one job in each: six a minute.
It also waits the longer the more often there was none, up to minutes. In each cycle it writes its
configuration anew, in place: a job that begins at that moment reads none, and is lost.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from DIRAC.Core.Base import AgentReactor
from DIRAC.Core.scripts.dirac_agent import main as dirac_agent
from DIRAC.Core.Utilities.ThreadScheduler import ThreadScheduler
from DIRAC.WorkloadManagementSystem.Agent.JobAgent import JobAgent
from diraccfg import CFG


class QuickScheduler(ThreadScheduler):
    """DIRAC's scheduler, with one second as the shortest period."""

    def __init__(self, enableReactorThread: bool = True, minPeriod: int = 1):  # noqa: N803 - the names are DIRAC's
        """Take what DIRAC says, but for the shortest period."""
        del minPeriod
        super().__init__(enableReactorThread, 1)


def forget_vain_matches() -> None:
    """Let the agent forget each vain match: its pauses grow with their number, none where it is -1."""
    check = JobAgent._checkMatchingIssues

    def check_and_forget(agent: Any, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = check(agent, request)
        agent.matchFailedCount = -1
        return answer

    JobAgent._checkMatchingIssues = check_and_forget


def write_at_once() -> None:
    """Let configurations be written beside their place, and then be moved there."""
    write = CFG.writeToFile

    def write_and_move(configuration: CFG, name: str) -> bool:
        written: bool = write(configuration, f"{name}.new")
        if written:
            os.replace(f"{name}.new", name)
        return written

    CFG.writeToFile = write_and_move


def main() -> None:
    """Run the agent until it ends."""
    AgentReactor.ThreadScheduler.ThreadScheduler = QuickScheduler
    forget_vain_matches()
    write_at_once()
    sys.argv = ["dirac-agent", "WorkloadManagement/JobAgent", "-o", "LogLevel=INFO"]
    dirac_agent()


if __name__ == "__main__":
    main()
