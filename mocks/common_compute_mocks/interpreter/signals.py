"""Signals by name and number, as Linux has them."""

from __future__ import annotations

import signal


def signal_number(name: str) -> int | None:
    """Give a signal's number from `TERM`, `SIGTERM` or `15`; None if there is no such signal.

    Those that stop or continue a process, or that do nothing unless asked for, count as 0 here.
    """
    if name.isdigit():
        number = int(name)
    elif name.upper() == "EXIT":
        return 0
    else:
        known = signal.Signals.__members__.get("SIG" + name.upper().removeprefix("SIG"))
        if known is None:
            return None
        number = known.value
    harmless = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    if number > signal.NSIG:
        return None
    return 0 if number in harmless else number
