"""Make the tables that DIRAC's files do not make, but its classes do when they are first used.

    tables.py       with the services' root

Services that are started at the same time would make them at the same time, and fail.
"""

from __future__ import annotations

import DIRAC
from DIRAC.FrameworkSystem.DB.ProxyDB import ProxyDB
from DIRAC.ResourceStatusSystem.DB.ResourceManagementDB import ResourceManagementDB
from DIRAC.ResourceStatusSystem.DB.ResourceStatusDB import ResourceStatusDB
from DIRAC.WorkloadManagementSystem.DB.SandboxMetadataDB import SandboxMetadataDB
from DIRAC.WorkloadManagementSystem.DB.TaskQueueDB import TaskQueueDB


def main() -> None:
    """Use each class once."""
    DIRAC.initialize()
    for database in (ProxyDB, ResourceManagementDB, ResourceStatusDB, SandboxMetadataDB, TaskQueueDB):
        database()


if __name__ == "__main__":
    main()
