"""Which scenarios a mock was started with: for jobs without a label, for its facilities, for its service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common_compute_connector.errors import ConfigurationError
from common_compute_mocks.scenarios import Scenario, catalogue, read_scenarios


@dataclass(frozen=True, slots=True)
class Choice:
    """What the scenarios come to; `of_facility` are settings of the connector."""

    of_facility: Mapping[str, Any] = field(default_factory=dict)
    service: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Scenario] = field(default_factory=catalogue)


def choose(given: Sequence[str]) -> Choice:
    """Read what was given: names of the catalogue, files, and names out of these files.

    All scenarios of a file can be chosen by a label. A file with a single one gives that one its effect at
    once; of others, name the one that is meant beside the file.

    Raises:
        ConfigurationError: a name is unknown, a file is faulty, or two scenarios want the same.
    """
    known, files, names, faults = dict(catalogue()), list[Path](), list[str](), list[str]()
    for path in (Path(text) for text in given if _is_path(text)):
        try:
            entries = read_scenarios(path)
        except ConfigurationError as error:
            faults += error.faults
            continue
        known |= entries
        files.append(path.absolute())
        names += list(entries) if len(entries) == 1 else []
    for text in given:
        if text in known:
            names.append(text)
        elif not _is_path(text):
            faults.append(f"There is no scenario {text!r}: take one of {', '.join(known)}, or a file.")
    if faults:
        raise ConfigurationError(faults)
    return _sorted_out([known[name] for name in dict.fromkeys(names)], files, known)


def _sorted_out(chosen: Sequence[Scenario], files: Sequence[Path], known: Mapping[str, Scenario]) -> Choice:
    faults = []
    of_jobs = [scenario.name for scenario in chosen if scenario.is_for_jobs]
    if len(of_jobs) > 1:
        faults.append(
            f"Jobs without a label can have one scenario, not {' and '.join(of_jobs)}: keep one, and let "
            "jobs choose the others by the label mock.scenario."
        )
    service: dict[str, Any] = {}
    for scenario in chosen:
        for member, value in (scenario.service or {}).items():
            if member in service:
                faults.append(f"Two scenarios say what `{member}` of the service is: keep one.")
            service[member] = value
    if faults:
        raise ConfigurationError(faults)
    of_facility: dict[str, Any] = {"scenario": of_jobs[0]} if of_jobs else {}
    if weather := [scenario.name for scenario in chosen if scenario.facility]:
        of_facility["weather"] = weather
    if files:
        of_facility["scenarios"] = [str(path) for path in files]
    return Choice(of_facility, service, known)


def _is_path(text: str) -> bool:
    return "/" in text or text.endswith((".yaml", ".yml"))
