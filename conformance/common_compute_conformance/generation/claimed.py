"""Cut the contract down to what a target claims, for whoever makes requests out of it by chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common_compute_conformance.requirements import load_yaml
from common_compute_conformance.target import Target

_METHODS = ("get", "put", "post", "delete")


class ClaimedContract:
    """The contract's document with only the operations and parameters of the classes that a target claims.

    `parameters` are the query parameters and headers of each operation, by its id, place and name.
    """

    def __init__(self, target: Target) -> None:
        document = load_yaml("openapi.yaml")
        self.schemas: Mapping[str, Any] = document["components"]["schemas"]
        self._shared: Mapping[str, Any] = document["components"]["parameters"]
        self.parameters: dict[str, dict[tuple[str, str], Mapping[str, Any]]] = {}
        paths = {}
        for path, item in document["paths"].items():
            kept = {name: value for name, value in item.items() if name not in _METHODS}
            for method in _METHODS:
                operation = item.get(method)
                if operation is None or not target.claims(operation["x-conformance-class"]):
                    continue
                declared = [self._resolve(each) for each in operation.get("parameters", ())]
                claimed = [
                    each for each in declared if target.claims(each.get("x-conformance-class", "core"))
                ]
                self.parameters[operation["operationId"]] = {
                    (each["in"], each["name"]): each for each in claimed
                }
                kept[method] = {**operation, "parameters": claimed}
            if any(method in kept for method in _METHODS):
                paths[path] = kept
        self.document = {**document, "paths": paths}

    def _resolve(self, parameter: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in parameter:
            return parameter
        found: Mapping[str, Any] = self._shared[parameter["$ref"].rpartition("/")[2]]
        return found
