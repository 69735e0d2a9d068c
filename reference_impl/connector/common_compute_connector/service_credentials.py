"""Files that systemd gives to a service (`LoadCredential=`), named in the configuration of all replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VARIABLE = "CREDENTIALS_DIRECTORY"
_PREFIX = f"${VARIABLE}/"


def with_credentials(value: Any, environment: Mapping[str, str], faults: list[str]) -> Any:
    """Put the directory's path in place of its variable wherever a text begins with that."""
    if isinstance(value, Mapping):
        return {name: with_credentials(each, environment, faults) for name, each in value.items()}
    if isinstance(value, list):
        return [with_credentials(each, environment, faults) for each in value]
    if not isinstance(value, str) or not value.startswith(_PREFIX):
        return value
    directory = environment.get(VARIABLE)
    if not directory:
        faults.append(f"{value} begins with a variable that is not set: a unit with LoadCredential= has it.")
        return value
    return f"{directory}/{value.removeprefix(_PREFIX)}"
