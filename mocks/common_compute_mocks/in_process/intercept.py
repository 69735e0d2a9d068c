"""Put a mock in the place of a server for everything in this process that uses `requests`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import responses
from responses.registries import FirstMatchRegistry

from common_compute_mocks.in_process.mock import InProcessMock
from common_compute_mocks.in_process.session_adapter import answered_by


@contextmanager
def intercepted(mock: InProcessMock) -> Iterator[responses.RequestsMock]:
    """Answer whatever is sent to the mock's origin, until the end of the `with`.

    What goes elsewhere is refused, as `responses` does it, unless a rule for it is added to what this gives.
    """

    def answer(request: requests.PreparedRequest) -> tuple[int, list[tuple[str, str]], Any]:
        answered = answered_by(mock, request)
        return answered.status, answered.text_headers, answered.body()

    rule = responses.CallbackResponse("GET", mock.origin, answer, content_type=None)

    class Registry(FirstMatchRegistry):
        def find(self, request: requests.PreparedRequest) -> tuple[Any, list[str]]:
            if (request.url or "").startswith(f"{mock.origin}/"):
                return rule, []
            return super().find(request)

    with responses.RequestsMock(assert_all_requests_are_fired=False, registry=Registry) as rules:
        yield rules
