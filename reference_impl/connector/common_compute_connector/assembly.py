"""Put a service together as its configuration says."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from common_compute_connector import registry
from common_compute_connector.access import SCOPES, Access, BearerAccess, OpenAccess, TokenKind
from common_compute_connector.app import App, create_app
from common_compute_connector.clock import Clock
from common_compute_connector.configuration import AccessSettings, Configuration
from common_compute_connector.dispatcher import Dispatcher
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.facilities import Facilities, StoredEnrolments
from common_compute_connector.protocol import Connector, Enrolments, Ground
from common_compute_connector.service import Service
from common_compute_connector.store import Store
from common_compute_connector.store.replicas import SINGLE, Replica
from common_compute_connector.tokens.oidc import OidcTokens
from common_compute_connector.tokens.static_tokens import StaticTokens


def assemble(
    configuration: Configuration,
    clock: Clock,
    beside: Mapping[str, ASGIApp] | None = None,
    store_kind: type[Store] = Store,
) -> App:
    """Open store and connectors and make the application; nothing runs before it is started.

    Raises:
        ConfigurationError: tokens or facilities are not as they should be; every fault is told.
    """
    access = open_access(configuration.access, clock)
    _make_room(configuration)
    store = store_kind.open(configuration.store.url, configuration.store.results, clock)
    replica = Replica(clock.new_id(), platform.node(), configuration.digest) if store.is_shared else SINGLE
    connectors = open_connectors(configuration, clock, lambda name: StoredEnrolments(store, name))
    facilities = Facilities(connectors, clock)
    service = Service(
        settings=configuration.service,
        limits=configuration.limits,
        access=access,
        store=store,
        facilities=facilities,
        dispatcher=Dispatcher(store, facilities, clock, replica),
        clock=clock,
    )
    return create_app(service, beside)


def open_access(settings: AccessSettings, clock: Clock) -> Access:
    """Make what tells callers apart.

    Raises:
        ConfigurationError: the file of tokens is not as it should be.
    """
    if settings.kind == "none":
        return OpenAccess()
    kinds: list[TokenKind] = []
    description: dict[str, Any] = {"scopes": sorted(SCOPES)}
    if settings.tokens_file is not None:
        kinds.append(StaticTokens.read(settings.tokens_file))
    if settings.issuers:
        assert settings.audience is not None, "the configuration says so"
        kinds.append(OidcTokens(settings.issuers, settings.audience, clock))
        description |= {
            "issuers": [issuer.url for issuer in settings.issuers],
            "audience": settings.audience,
        }
    return BearerAccess(kinds, description)


def open_connectors(
    configuration: Configuration, clock: Clock, enrolments_of: Callable[[str], Enrolments]
) -> list[Connector]:
    """Open the connector of each facility, in the configuration's order; nothing is touched there yet.

    Raises:
        ConfigurationError: with the faults of all of them.
    """
    opened: list[Connector] = []
    faults: list[str] = []
    for facility in configuration.facilities:
        ground = Ground(clock, enrolments_of(facility.id), configuration.service.id)
        try:
            connector = registry.open_connector(facility, ground)
        except ConfigurationError as error:
            faults += error.faults
            continue
        opened.append(connector)
        if connector.shares_server_account and configuration.access.kind != "none":
            faults.append(
                f"[[facility]] {facility.id}: its jobs run under the server's own account, where callers "
                'could read and stop each other\'s: use it with [access] kind = "none" only, '
                "behind a server of its own."
            )
    if faults:
        raise ConfigurationError(faults)
    return opened


def _make_room(configuration: Configuration) -> None:
    url = configuration.store.url
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
