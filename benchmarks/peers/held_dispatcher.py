"""Our mock with its dispatcher held: jobs are judged and kept as ever, and then nothing happens to them.

It tells apart what a submission takes and what the job's later life takes. Arguments: the port, and a
directory that may hold a store already.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import uvicorn

from common_compute_connector.assembly import assemble
from common_compute_connector.clock import SystemClock
from common_compute_connector.configuration import configuration_of
from common_compute_connector.logs import configure_logs


async def serve(port: int, directory: Path) -> None:
    """Serve the flavour rosetta; the application's lifespan, which starts the dispatcher, is left out."""
    table = {
        "service": {"id": "org.example.bench", "name": "Held"},
        "store": {"url": f"sqlite:///{directory / 'store.sqlite3'}", "results": str(directory / "results")},
        "facility": [{"id": "rosetta", "connector": "mock", "flavour": "rosetta"}],
    }
    configure_logs(logging.WARNING)  # as the command does
    app = assemble(configuration_of(table, directory), SystemClock())
    await app.service.dispatcher.open()
    config = uvicorn.Config(
        app, port=port, lifespan="off", access_log=False, server_header=False, log_level="warning"
    )
    await uvicorn.Server(config).serve()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
