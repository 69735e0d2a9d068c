"""The settings of staging: the table `[facility.staging]` into data, all its faults told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common_compute_rosetta import setting_values as values

SCHEMES = ("https", "http")
"""What curl is let to speak here: of these two it is known what it does with them."""

ANY_PUBLIC_HOST = "*"

_GIB, _HOUR = 1024**3, 3600
_HOST = re.compile(r"\*|(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_PROXY = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?/?")


@dataclass(frozen=True, slots=True)
class StagingSettings:
    """What an administrator says about files from and to elsewhere; without this table there are none.

    `hosts` are names, `*.name` for all below one, and `*` for every host whose addresses are all public.
    `authorities` is the text of a file of certificates. Sizes and times are those of one file.
    """

    schemes: tuple[str, ...] = ("https",)
    hosts: tuple[str, ...] = (ANY_PUBLIC_HOST,)
    authorities: str = ""
    proxy: str = ""
    max_input_bytes: int = 20 * _GIB
    max_transfer_seconds: int = 6 * _HOUR
    transfers_at_once: int = 4

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the programs without which nothing can be fetched or sent there."""
        if not self.schemes:
            return ()
        judges_addresses = ANY_PUBLIC_HOST in self.hosts and not self.proxy
        return ("curl", "sha256sum", *(["getent"] if judges_addresses else []))


_COUNTS = ("max_input_bytes", "max_transfer_seconds", "transfers_at_once")
_MEMBERS = ("schemes", "hosts", "ca_file", "proxy", *_COUNTS)


def read_hosts(table: Mapping[str, Any], member: str, where: str, faults: list[str]) -> tuple[str, ...]:
    """Read which hosts may be asked; each fault becomes a sentence."""
    named = values.texts(table[member], f"{where}: `{member}`", faults)
    faults += [
        f"{where}: {name!r} is no host; name it alone, such as data.example.org, *.example.org or [::1]"
        for name in named
        if not _HOST.fullmatch(name)
    ]
    if table[member] == []:
        faults.append(f"{where}: `{member}` names none; leave it out for every public one")
    return tuple(name.lower() for name in named)


def read_staging(table: Any, where: str, faults: list[str]) -> StagingSettings | None:
    """Read the table; each fault becomes a sentence."""
    if not isinstance(table, Mapping):
        faults.append(f"{where}: `staging` must be a table: [facility.staging]")
        return None
    where = f"{where}, staging"
    faults += values.unknown(table, _MEMBERS, where)
    read: dict[str, Any] = {
        name: values.count(table[name], 1, f"{where}: `{name}`", faults) for name in _COUNTS if name in table
    }
    if "schemes" in table:
        read["schemes"] = values.texts(table["schemes"], f"{where}: `schemes`", faults)
        faults += [
            f"{where}: the scheme {name!r} is neither read nor written here; there are {', '.join(SCHEMES)}"
            for name in read["schemes"]
            if name not in SCHEMES
        ]
    if "hosts" in table:
        read["hosts"] = read_hosts(table, "hosts", where, faults)
    if "ca_file" in table:
        read["authorities"] = values.certificates(table["ca_file"], f"{where}: `ca_file`", faults)
    if "proxy" in table:
        read["proxy"] = values.text(table["proxy"], f"{where}: `proxy`", faults)
        if read["proxy"] and not _PROXY.fullmatch(read["proxy"]):
            faults.append(f"{where}: `proxy` must be like http://proxy.example.org:3128, without a password")
    return StagingSettings(**read)
