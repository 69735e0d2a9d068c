"""Our mock with its dispatcher held: jobs are judged and kept as ever, and then nothing happens to them.

It tells apart what a submission takes and what the job's later life takes. Arguments: the port, and a
directory that may hold a store already.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from common_compute_connector.assembly import assemble
from common_compute_connector.clock import SystemClock
from common_compute_connector.configuration import configuration_of
from common_compute_connector.logs import configure_logs


def held(directory: Path) -> ASGIApp:
    """Make the application of the flavour rosetta, whose start leaves out the dispatcher's."""
    table = {
        "service": {"id": "org.example.bench", "name": "Held"},
        "store": {"url": f"sqlite:///{directory / 'store.sqlite3'}", "results": str(directory / "results")},
        "facility": [{"id": "rosetta", "connector": "mock", "flavour": "rosetta"}],
    }
    app = assemble(configuration_of(table, directory), SystemClock())

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        await receive()
        await app.service.dispatcher.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await app.stop()
        await send({"type": "lifespan.shutdown.complete"})

    return serve


if __name__ == "__main__":
    configure_logs(logging.WARNING)  # as the command does
    uvicorn.run(
        held(Path(sys.argv[2])), port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False
    )
