"""Read how a mocked facility is set up, all that is wrong with it told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import FacilityConfiguration
from common_compute_mocks import flavours
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.scenarios import Scenario, catalogue, read_scenarios

_SETTINGS = ("flavour", "seed", "scenario", "scenarios", "weather")


@dataclass(frozen=True, slots=True)
class FacilitySettings:
    """One mocked facility; `weather` are the scenarios whose `facility` part holds there."""

    flavour: Flavour
    seed: int
    scenario: Scenario
    known: Mapping[str, Scenario]
    weather: tuple[Scenario, ...]


def read_settings(configuration: FacilityConfiguration) -> FacilitySettings:
    """Read `flavour`, `seed` (0), `scenario` (`succeeds`), `scenarios` (files) and `weather` (names).

    Raises:
        ConfigurationError: a setting is unknown or wrong.
    """
    settings = configuration.settings
    place = f"facility {configuration.id}: "
    flavour, seed = settings.get("flavour"), settings.get("seed", 0)
    faults = [f"a mock has no setting {name!r}" for name in settings if name not in _SETTINGS]
    if flavour not in flavours.names():
        faults.append(f"`flavour` is {flavour!r}: take one of {', '.join(flavours.names())}")
    if not isinstance(seed, int) or isinstance(seed, bool):
        faults.append(f"`seed` is {seed!r}: take an integer")
    known = _read_files(settings.get("scenarios", []), faults)
    scenario = settings.get("scenario", "succeeds")
    if not isinstance(scenario, str) or scenario not in known:
        faults.append(f"`scenario` is {scenario!r}: take one of {', '.join(known)}")
    weather = _weather(settings.get("weather", []), known, faults)
    if faults:
        raise ConfigurationError([place + fault for fault in faults])
    return FacilitySettings(flavours.load(str(flavour)), seed, known[scenario], known, weather)


def _read_files(paths: Any, faults: list[str]) -> Mapping[str, Scenario]:
    """Read the catalogue and the files; a file may put another scenario in the place of a ready one."""
    known = dict(catalogue())
    places: dict[str, str] = {}
    if not _are_texts(paths):
        faults.append("`scenarios` must be a list of files")
        return known
    for path in paths:
        if not Path(path).is_absolute():
            faults.append(f"`scenarios` has {path!r}: write the whole path, from / on")
            continue
        try:
            entries = read_scenarios(Path(path))
        except ConfigurationError as error:
            faults += error.faults
            continue
        for name in entries.keys() & places.keys():
            faults.append(f"{path}: {name}: a scenario of this name is in {places[name]} too: rename one")
        places |= dict.fromkeys(entries, path)
        known |= entries
    return known


def _weather(names: Any, known: Mapping[str, Scenario], faults: list[str]) -> tuple[Scenario, ...]:
    if not _are_texts(names):
        faults.append("`weather` must be a list of names of scenarios")
        return ()
    able = [name for name, scenario in known.items() if scenario.facility]
    faults += [
        f"`weather` has {name!r}: take one with a `facility` part, such as {', '.join(able)}"
        for name in names
        if name not in able
    ]
    return tuple(known[name] for name in names if name in able)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
