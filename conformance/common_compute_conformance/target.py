"""Know the target: its URL, its own description, the facility under test and what both claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from common_compute_conformance.contract import Contract, Document
from common_compute_conformance.errors import WrongArgument

PROBE_KINDS = {"container": "container", "installed": "software"}


def target_url(url: str) -> str:
    """Return the base URL without a slash at its end; raises WrongArgument if it is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongArgument(f"{url!r} is no URL of a server: give something like http://localhost:8080/v1")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise WrongArgument(
            "Give the target's base URL without user, query and fragment; a token goes into --token"
        )
    return url.rstrip("/")


@dataclass(frozen=True)
class Target:
    """A service, and the one of its facilities on which the jobs of a certification run."""

    url: str
    service_info: Document
    facility: Document
    contract: Contract

    @property
    def service_classes(self) -> frozenset[str]:
        """The classes that the service claims."""
        return frozenset(self.service_info["conforms_to"])

    @property
    def facility_classes(self) -> frozenset[str]:
        """The classes that the facility under test claims."""
        return frozenset(self.facility["conforms_to"])

    def claims(self, name: str) -> bool:
        """Tell whether a class is claimed where it belongs; `core` is not a matter of claiming."""
        if name == "core":
            return True
        if name in self.contract.classes["service"]:
            return name in self.service_classes
        return name in self.facility_classes

    @property
    def facility_id(self) -> str:
        """The id of the facility under test."""
        return str(self.facility["id"])

    @property
    def cancel_grace_seconds(self) -> int:
        """How long a cancelled job may go on at the facility under test, by its own account."""
        return int(self.limits.get("cancel_grace_seconds", 0))

    @property
    def access(self) -> str:
        """`none` or `bearer`."""
        return str(self.service_info["access"]["kind"])

    @property
    def probes(self) -> dict[str, dict[str, Any]]:
        """The `software` members to certify with, by kind, of the kinds that the facility claims."""
        probe = self.facility["probe"]
        return {
            kind: probe[kind] for kind, name in PROBE_KINDS.items() if kind in probe and self.claims(name)
        }

    @property
    def software(self) -> dict[str, Any]:
        """The `software` member of most jobs: the installed one, which starts faster, where there is one."""
        probes = self.probes
        return probes.get("installed") or probes["container"]

    @property
    def limits(self) -> Mapping[str, Any]:
        """The facility's limits."""
        return dict(self.facility["limits"])

    def resource(self, name: str) -> Mapping[str, Any]:
        """Return the capability of a resource; one that is not listed is unsupported."""
        return dict(self.facility["resources"].get(name, {"support": "unsupported"}))

    def has_reason(self, code: str) -> bool:
        """Tell whether the facility can tell this reason apart."""
        return code in self.facility["reason_codes"]
