"""Our mock with its dispatcher held: jobs are judged and kept as ever, and then nothing happens to them.

It tells apart what a submission takes and what the job's later life takes. Arguments: the port, and a
directory that may hold a store already.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import uvicorn

from common_compute_connector.http.server_protocol import HttpProtocol
from common_compute_connector.logs import configure_logs
from common_compute_mocks.server import MockService, MockSettings


class HeldMock(MockService):
    """A mock whose start leaves out the dispatcher's."""

    async def start(self) -> None:
        """Get the facilities' documents, and no more."""
        await self.app.service.dispatcher.open()


if __name__ == "__main__":
    configure_logs(logging.WARNING)  # as the command does
    room = Path(sys.argv[2])
    settings = MockSettings(facilities=("rosetta",), database=room / "store.sqlite3")
    uvicorn.run(
        HeldMock(settings, room),
        port=int(sys.argv[1]),
        http=HttpProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
    )
