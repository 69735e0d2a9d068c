"""Run DIRAC's optimizers, by which a job that was rescheduled does not wait for minutes first.

The delays are a setting of DIRAC's, which its own program can only use as they are shipped: it takes what
stands in the configuration for text.
"""

from __future__ import annotations

import sys
from typing import Any

from DIRAC.Core.scripts.dirac_executor import main as dirac_executor
from DIRAC.WorkloadManagementSystem.Executor.JobScheduling import JobScheduling

RESCHEDULE_DELAYS_SECONDS = [0]


def main() -> None:
    """Run them until they end."""
    get_option = JobScheduling.ex_getOption

    def get_option_or_delays(name: str, default: Any = None) -> Any:
        return RESCHEDULE_DELAYS_SECONDS if name == "RescheduleDelays" else get_option(name, default)

    JobScheduling.ex_getOption = staticmethod(get_option_or_delays)
    sys.argv = ["dirac-executor", "WorkloadManagement/Optimizers", "-o", "LogLevel=INFO"]
    dirac_executor()


if __name__ == "__main__":
    main()
