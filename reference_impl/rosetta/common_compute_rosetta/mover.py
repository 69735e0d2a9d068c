"""The program that moves files on a host, detached from whoever asked: its text, name and settings. Pure."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from common_compute_rosetta.calls import Argument
from common_compute_rosetta.staging_settings import StagingSettings

_TEXTS = ("lines.sh", "processes.sh", "transfer.sh", "mover.sh")


@cache
def mover() -> bytes:
    """Give the mover's text."""
    folder = files("common_compute_rosetta").joinpath("sh")
    return b"\n".join(folder.joinpath(name).read_bytes() for name in _TEXTS)


@cache
def mover_name() -> str:
    """Give the mover's file name: another text has another name, and both may be at work."""
    return f"mover.{hashlib.sha256(mover()).hexdigest()[:12]}"


def mover_settings(settings: StagingSettings) -> dict[str, Argument]:
    """Give what the mover is told of each facility's own ways."""
    return {
        "SCHEMES": " ".join(settings.schemes),
        "HOSTS": " ".join(settings.hosts),
        "PROXY": settings.proxy,
        "SECONDS_MOST": settings.max_transfer_seconds,
        "AT_ONCE": settings.transfers_at_once,
        "AUTHORITIES": settings.authorities,
    }
