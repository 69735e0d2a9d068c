"""The connectors that are installed: entry points of one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import Connector, FacilityConfiguration, Ground, OpenConnector

GROUP = "common_compute.connectors"


def names() -> Sequence[str]:
    """Name the connectors that are installed."""
    return sorted(_installed())


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> Connector:
    """Make the connector of one facility.

    Raises:
        ConfigurationError: there is no such connector, its extra is missing, or its settings are wrong.
    """
    found = _installed().get(configuration.connector)
    if found is None:
        known = ", ".join(names()) or "none"
        raise ConfigurationError([f"{_named(configuration)} is not installed; there are {known}."])
    try:
        opening: OpenConnector = found.load()
    except ImportError as error:
        said = f"{_named(configuration)} needs {error.name}, which is missing"
        raise ConfigurationError([f"{said}; install the extra of that connector."]) from None
    return opening(configuration, ground)


@cache  # it reads the metadata of everything that is installed
def _installed() -> Mapping[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=GROUP)}


def _named(configuration: FacilityConfiguration) -> str:
    return f'{configuration.id}: the connector "{configuration.connector}"'
