"""Run one of DIRAC's services as DIRAC's own program does, which listens everywhere, on the loopback only."""

from __future__ import annotations

import sys
from typing import Any

from DIRAC.Core.DISET.private.Protocols import gProtocolDict
from DIRAC.Core.DISET.private.Transports.M2SSLTransport import SSLTransport
from DIRAC.Core.scripts.dirac_service import main as dirac_service


class LoopbackTransport(SSLTransport):
    """DIRAC's transport, on the loopback only."""

    def initAsServer(self) -> Any:  # noqa: N802 - the name is DIRAC's
        """Listen; the socket is one of IPv6 where the machine has that."""
        port = self.stServerAddress[1]
        try:
            self.stServerAddress = ("::ffff:127.0.0.1", port)
            return super().initAsServer()
        except OSError:
            self.stServerAddress = ("127.0.0.1", port)
            return super().initAsServer()


def serve(service: str) -> None:
    """Run a service until it ends."""
    gProtocolDict["dips"]["transport"] = LoopbackTransport
    sys.argv = ["dirac-service", service, "-o", "LogLevel=INFO"]
    dirac_service()
