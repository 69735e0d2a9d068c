"""Which methods a path has: for 405, OPTIONS, and what never needs a token.

The routing itself is connexion's. This says completely what its router says in part: `Allow` of all methods,
no redirect for a trailing slash, and a literal path before a templated one for every method.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from common_compute_connector.contract import Operation, base_path

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Routes:
    """The paths of the contract, base path included."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        methods: dict[str, set[str]] = {}
        for operation in operations.values():
            methods.setdefault(base_path() + operation.path, set()).update(_methods(operation))
        self._literal = {path: found for path, found in methods.items() if "{" not in path}
        self._templated = [
            (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), found)
            for path, found in methods.items()
            if "{" in path
        ]
        self._public = {
            (method, base_path() + operation.path)
            for operation in operations.values()
            if operation.public
            for method in _methods(operation)
        }

    def allowed(self, path: str) -> Sequence[str]:
        """Name the methods of a path, in alphabetical order; none if there is no such path."""
        found = self._literal.get(path)
        if found is None and not _CONTROL.search(path):
            found = next((methods for pattern, methods in self._templated if pattern.fullmatch(path)), None)
        return sorted({*found, "OPTIONS"}) if found else ()

    def is_routable(self, method: str, path: str) -> bool:
        """Tell whether the router may be asked: it would redirect, or take another path, for the rest."""
        literal = self._literal.get(path)
        if literal is not None:
            return method in literal
        return not path.endswith("/") and _CONTROL.search(path) is None

    def is_public(self, method: str, path: str) -> bool:
        """Tell whether no token is needed."""
        return (method, path) in self._public


def _methods(operation: Operation) -> Sequence[str]:
    return (operation.method, "HEAD") if operation.method == "GET" else (operation.method,)
