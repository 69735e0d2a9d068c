"""Run DIRAC's optimizers, without what would let jobs wait for minutes: delays, and queues that are empty.

A job that was rescheduled is delayed. The delays are a setting of DIRAC's, which its own program can only use
as they are shipped: it takes what stands in the configuration for text.

Jobs that differ in what they ask for wait in different task queues. For a match DIRAC looks at ten of these,
drawn by chance, also at such as have become empty, which it removes after minutes or never. After a hundred
jobs of different kinds a worker had found one in ten.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from DIRAC.Core.scripts.dirac_executor import main as dirac_executor
from DIRAC.WorkloadManagementSystem.DB.TaskQueueDB import TaskQueueDB
from DIRAC.WorkloadManagementSystem.Executor.JobScheduling import JobScheduling

RESCHEDULE_DELAYS_SECONDS = [0]
QUEUES_ARE_CLEANED_EVERY_SECONDS = 1


def remove_empty_queues() -> None:
    """Remove task queues that have become empty, for ever; DIRAC spares those that are just being filled."""
    database = TaskQueueDB()
    # It tells of each time.
    database.log.setLevel("WARN")
    while True:
        time.sleep(QUEUES_ARE_CLEANED_EVERY_SECONDS)
        database.cleanOrphanedTaskQueues()


def main() -> None:
    """Run them until they end."""
    initialize = JobScheduling.initializeOptimizer

    def initialize_and_clean() -> dict[str, Any]:
        threading.Thread(target=remove_empty_queues, daemon=True).start()
        answer: dict[str, Any] = initialize()
        return answer

    JobScheduling.initializeOptimizer = staticmethod(initialize_and_clean)
    get_option = JobScheduling.ex_getOption

    def get_option_or_delays(name: str, default: Any = None) -> Any:
        return RESCHEDULE_DELAYS_SECONDS if name == "RescheduleDelays" else get_option(name, default)

    JobScheduling.ex_getOption = staticmethod(get_option_or_delays)
    sys.argv = ["dirac-executor", "WorkloadManagement/Optimizers", "-o", "LogLevel=INFO"]
    dirac_executor()


if __name__ == "__main__":
    main()
