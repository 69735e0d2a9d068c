"""The connectors that are installed: entry points of one group."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import Connector, FacilityConfiguration, Ground, OpenConnector

GROUP = "common_compute.connectors"


def names() -> Sequence[str]:
    """Name the connectors that are installed."""
    return sorted(entry_points(group=GROUP).names)


def open_connector(configuration: FacilityConfiguration, ground: Ground) -> Connector:
    """Make the connector of one facility.

    Raises:
        ConfigurationError: there is no such connector, its extra is missing, or its settings are wrong.
    """
    found = entry_points(group=GROUP, name=configuration.connector)
    if not found:
        known = ", ".join(names()) or "none"
        raise ConfigurationError([f"{_named(configuration)} is not installed; there are {known}."])
    try:
        opening: OpenConnector = next(iter(found)).load()
    except ImportError as error:
        said = f"{_named(configuration)} needs {error.name}, which is missing"
        raise ConfigurationError([f"{said}; install the extra of that connector."]) from None
    return opening(configuration, ground)


def _named(configuration: FacilityConfiguration) -> str:
    return f'{configuration.id}: the connector "{configuration.connector}"'
