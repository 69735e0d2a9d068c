"""The configuration file of a service: TOML without any secret, read once, all its faults told at once.

A secret stands in a file or in an environment variable, and the configuration names that.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from platformdirs import user_data_path

from common_compute_connector import contract, registry
from common_compute_connector.access import SCOPES
from common_compute_connector.configuration_table import TableReader
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_connector.service_credentials import with_credentials
from common_compute_connector.tokens.oidc import READING, Issuer

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Who the service says that it is, and where it listens."""

    id: str
    name: str
    description: str | None = None
    organization: str = "Unknown"
    organization_url: str = "https://example.org"
    host: str = "127.0.0.1"
    port: int = 8000
    cors_origins: tuple[str, ...] = ()
    """The web pages that may read answers; `*` is any."""
    requests_per_minute: int | None = None
    """How many requests a caller may send; None is any number."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where the database and the kept bytes are; `url` is SQLAlchemy's."""

    url: str
    results: Path


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """How callers are told apart."""

    kind: str = "none"
    tokens_file: Path | None = None
    issuers: tuple[Issuer, ...] = ()
    audience: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """The service's own limits, as get_service_info shows them."""

    max_request_bytes: int = 10 * 1024 * 1024
    max_wait_seconds: int = 60
    max_page_size: int = contract.largest_page()


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of it; `digest` is the same for replicas that serve the same."""

    service: ServiceSettings
    store: StoreSettings
    access: AccessSettings = AccessSettings()
    limits: ServiceLimits = ServiceLimits()
    facilities: tuple[FacilityConfiguration, ...] = ()
    digest: str = field(default="", compare=False)


def read_configuration(path: Path, environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read a configuration file; relative paths in it begin at its directory.

    Raises:
        ConfigurationError: with one sentence for each fault.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}."]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path} is no TOML: {error}."]) from None
    return configuration_of(table, path.parent, environment)


def configuration_of(
    table: Mapping[str, Any], directory: Path, environment: Mapping[str, str] = os.environ
) -> Configuration:
    """Make a configuration out of what a TOML file says.

    Raises:
        ConfigurationError: with one sentence for each fault.
    """
    faults: list[str] = []
    digest = _digest(table)  # of the file as it is written, which is the same for all replicas
    table = with_credentials(table, environment, faults)
    whole = TableReader(dict(table), "the file", faults)
    configuration = Configuration(
        service=_service(_table(table, "service", faults)),
        store=_store(_table(table, "store", faults), directory, environment),
        access=_access(_table(table, "access", faults), directory, faults),
        limits=_limits(_table(table, "limits", faults)),
        facilities=_facilities(table.get("facility", []), faults),
        digest=digest,
    )
    whole.expect("service", "store", "access", "limits", "facility")
    whole.finish()
    if faults:
        raise ConfigurationError(faults)
    return configuration


def _table(table: Mapping[str, Any], name: str, faults: list[str]) -> TableReader:
    return TableReader(table.get(name, {}), f"[{name}]", faults)


def _service(table: TableReader) -> ServiceSettings:
    settings = ServiceSettings(
        id=table.required("id", "org.example.compute"),
        name=table.text("name", "Common Compute"),
        description=table.text("description", None),
        organization=table.text("organization", "Unknown"),
        organization_url=table.text("organization_url", "https://example.org"),
        host=table.text("host", "127.0.0.1"),
        port=table.whole("port", 8000, 0, 65535),
        cors_origins=table.texts("cors_origins", ()),
        requests_per_minute=table.whole("requests_per_minute", None, 1),
    )
    table.finish()
    return settings


def _store(table: TableReader, directory: Path, environment: Mapping[str, str]) -> StoreSettings:
    data = user_data_path("common-compute")
    url = table.text("url", None)
    variable, file = table.text("url_environment", None), table.text("url_file", None)
    if sum(source is not None for source in (url, variable, file)) > 1:
        table.fault("url", "is said more than once: keep one of url, url_environment and url_file")
    elif url is not None and urlsplit(url).password:
        table.fault("url", "holds a password: put it into an environment variable, named in url_environment")
    elif variable is not None:
        url = environment.get(variable)
        if not url:
            table.fault("url_environment", f"names {variable}, which is not set in this environment")
    elif file is not None:
        try:
            url = (directory / file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            table.fault("url_file", f"names {directory / file}, which cannot be read")
    if url is None:
        url = f"sqlite:///{data / 'store.sqlite3'}"
    elif url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        url = f"sqlite:///{directory.absolute() / url.removeprefix('sqlite:///')}"
    elif not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        table.fault("url", "must begin with sqlite:/// or postgresql+psycopg://")
    results = table.text("results", None)
    settings = StoreSettings(url, directory.absolute() / results if results else data / "results")
    table.finish()
    return settings


def _access(table: TableReader, directory: Path, faults: list[str]) -> AccessSettings:
    kind = table.choice("kind", ("none", "bearer"), "none")
    tokens, audience = table.text("tokens_file", None), table.text("audience", None)
    issuers = tuple(_issuer(TableReader(entry, place, faults)) for place, entry in table.tables("issuer"))
    table.finish()
    if kind == "bearer" and not tokens and not issuers:
        table.fault("kind", "is bearer, so a tokens_file or an [[access.issuer]] is needed")
    if kind == "none" and (tokens or issuers):
        table.fault("kind", 'is none, so tokens and issuers would not be looked at; write kind = "bearer"')
    if issuers and not audience:
        table.fault("audience", "is missing: without it tokens for other services would be accepted")
    return AccessSettings(kind, directory / tokens if tokens else None, issuers, audience)


def _issuer(table: TableReader) -> Issuer:
    url = table.required("url", "https://iam.example.org/")
    if urlsplit(url).scheme not in ("https", "http"):
        table.fault("url", "must begin with https://")
    elif urlsplit(url).scheme == "http" and urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"):
        table.fault("url", "must begin with https://, or keys would come over an open connection")
    scopes = table.texts("scopes", sorted(READING))
    if unknown := sorted(set(scopes) - SCOPES):
        table.fault("scopes", f"has {', '.join(unknown)}; there are {', '.join(sorted(SCOPES))}")
    table.finish()
    return Issuer(url, frozenset(scopes))


def _limits(table: TableReader) -> ServiceLimits:
    usual = ServiceLimits()
    limits = ServiceLimits(
        max_request_bytes=table.whole("max_request_bytes", usual.max_request_bytes, 1024),
        max_wait_seconds=table.whole("max_wait_seconds", usual.max_wait_seconds, 1, 3600),
        max_page_size=table.whole("max_page_size", usual.max_page_size, 1, usual.max_page_size),
    )
    table.finish()
    return limits


def _facilities(entries: Any, faults: list[str]) -> tuple[FacilityConfiguration, ...]:
    if not isinstance(entries, list) or not entries:
        faults.append("There is no facility; write at least one [[facility]] table with id and connector.")
        return ()
    found: dict[str, FacilityConfiguration] = {}
    for number, entry in enumerate(entries, 1):
        table = TableReader(entry, f"[[facility]] number {number}", faults)
        facility_id = table.required("id", "my-cluster")
        connector = table.required("connector", "internal")
        if not _IDENTIFIER.fullmatch(facility_id):
            table.fault(
                "id", f'"{facility_id}" must consist of letters, digits and . _ ~ -, at most 64 of them'
            )
        if facility_id in found:
            table.fault("id", f"{facility_id} is the id of another facility too")
        if "connector" in table and connector not in (known := registry.names()):
            table.fault(
                "connector", f'"{connector}" is not installed; there are {", ".join(known) or "none"}'
            )
        found[facility_id] = FacilityConfiguration(facility_id, connector, table.rest())
    return tuple(found.values())


def _digest(table: Mapping[str, Any]) -> str:
    """Digest what replicas must have in common: everything but the address that each listens on."""
    service = {
        name: value for name, value in _dict(table.get("service")).items() if name not in ("host", "port")
    }
    text = orjson.dumps({**table, "service": service}, option=orjson.OPT_SORT_KEYS, default=str)
    return sha256(contract.document()["info"]["version"].encode() + b"\0" + text).hexdigest()


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
