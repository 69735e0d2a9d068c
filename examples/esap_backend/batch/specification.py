"""Write job specifications: a workflow of ESAP, applied to items of a basket, at a facility."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from batch.basket import file_content


def job_specification(
    workflow: Mapping[str, Any],
    facility_id: str,
    items: Sequence[dict[str, Any]],
    name: str,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """Give the body of a submission.

    The command finds each item as a file, and the name of its own in the environment variable `ITEM`. Several
    items make an array job with a task for each: the same algorithm over many pools of data.
    """
    paths = [f"item-{place}.json" for place in range(len(items))]
    specification = {
        **workflow,
        "name": name,
        "facility_id": facility_id,
        "inputs": [*workflow.get("inputs", ()), *map(_input, paths, items)],
        "labels": {**workflow.get("labels", {}), **labels},
    }
    if len(items) == 1:
        specification["environment"] = {**workflow.get("environment", {}), "ITEM": paths[0]}
    else:
        specification["array"] = {"parameters": [{"ITEM": path} for path in paths]}
    return specification


def _input(path: str, item: dict[str, Any]) -> dict[str, Any]:
    content = base64.b64encode(file_content(item)).decode()
    return {"path": path, "source": {"kind": "inline", "content_base64": content}}
