"""What a server tells the service manager that started it, as sd_notify(3) says."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell the service manager, if there is one, `READY=1` or `STOPPING=1`.

    A manager that has gone is nothing that a server should end for.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with (
        suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told,
    ):
        told.connect("\0" + address[1:] if address.startswith("@") else address)
        told.sendall(state.encode())
