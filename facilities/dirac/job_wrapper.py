"""Wrap a job as DIRAC's own wrapper does, but see its beginning sooner, and begin again if need be.

DIRAC's first look is after five seconds, which each job would last at least. A wrapper that could not read
its configuration, as happens on a machine that is too busy, gives its job up and can tell nobody: this one
lets the agent send the job on its way again. The agent makes a copy of this file for each job, with the job's
description beside it under the copy's name.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from DIRAC import gConfig
from DIRAC.ConfigurationSystem.private.Refresher import gRefresher
from DIRAC.Core.Base.Script import Script
from DIRAC.WorkloadManagementSystem.JobWrapper import JobWrapper

TRIES, TRIED = 20, "JOB_WRAPPER_TRIED"
# By its InProcessComputingElement's reckoning -1: the job agent reschedules a job that could not be started.
NOT_STARTED = 255


def is_configured() -> bool:
    """Tell whether the services' addresses are known."""
    return bool(gConfig.getOptionsDict("/Systems/WorkloadManagement/URLs")["OK"])


Script.parseCommandLine()
tried = int(os.environ.pop(TRIED, "0"))
if not is_configured():
    # One more question is mostly enough; else the file that says whom to ask was not read either.
    told = gRefresher.forceRefresh()
    if not is_configured():
        sys.stderr.write(f"Try {tried}: no configuration: {told.get('Message')}\n")
        if tried == TRIES:
            sys.exit(NOT_STARTED)
        time.sleep(0.5)
        os.environ[TRIED] = str(tried + 1)
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - it is this very program

JobWrapper.CHILD_PID_POLL_INTERVALS = [0.2, 0.3, 0.5, *[1] * 30]
template = Path(JobWrapper.__file__).with_name("JobWrapperTemplate.py").read_text(encoding="utf-8")
# The template expects to be a file of its own, which the agent would have completed.
exec(compile(template.replace("@SITE" + "PYTHON@", "@SITEPYTHON@"), __file__, "exec"))  # noqa: S102
