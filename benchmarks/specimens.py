"""The job specifications that are submitted: one from the contract's examples, one from the use cases."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from common_compute_cli.binding import bind

SPEC = Path(__file__).parents[1] / "spec"
FACILITY = "rosetta"
_IMAGE = "docker.io/library/python:3.12-slim"


@cache
def example() -> bytes:
    """Give the example that Prism's static answer shows as a job, fitted to a facility for containers.

    So all servers take and give about the same number of bytes.
    """
    document = yaml.safe_load(SPEC.joinpath("openapi.yaml").read_bytes())
    spec: dict[str, Any] = dict(document["components"]["examples"]["job-spec-installed"]["value"])
    spec |= {"facility_id": FACILITY, "software": {"kind": "container", "image": _IMAGE}}
    spec["resources"] = {name: value for name, value in spec["resources"].items() if name != "site"}
    return _json(spec)


@cache
def use_case() -> bytes:
    """Give the use case of an analyst's own container: some 10 kB, of which its files are most."""
    place = SPEC / "use_cases" / "cta_container"
    template = json.loads(place.joinpath("body.json").read_bytes())
    return _json(bind(template, {"FACILITY": FACILITY, "IMAGE": _IMAGE}, place))


def _json(spec: Any) -> bytes:
    return json.dumps(spec, separators=(",", ":")).encode()
