"""Run DIRAC's services, each in a process of its own.

    serve.py SERVICE=LOG...       for each a line "SERVICE PROCESS" is written, and then this process ends

DIRAC's own program serves several services in one process, but answers only the last of those that are called
at the same moment: here each service is alone in its process. DIRAC itself is read by each of them, since it
starts threads when it is read, which no fork survives; what it is made of is read once, which takes most of
the time and memory.
"""

from __future__ import annotations

import importlib
import os
import sys

LIBRARIES = (
    "M2Crypto.SSL",
    "MySQLdb",
    "cachetools",
    "diraccfg",
    "diracx.cli.internal.legacy",
    "git",
    "opensearchpy",
    "psutil",
    "pyasn1_modules.rfc3281",
    "requests",
)


def become(service: str, log: str) -> None:
    """Turn this process, which has just been forked, into a service."""
    os.setsid()
    with open(log, "ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    importlib.import_module("service").serve(service)


def main() -> None:
    """Begin a process for each service."""
    services = [each.split("=", 1) for each in sys.argv[1:]]
    if len(services) > 1:
        for library in LIBRARIES:
            importlib.import_module(library)
    for service, log in services:
        process = os.fork()
        if process == 0:
            become(service, log)
            return
        sys.stdout.write(f"{service} {process}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
