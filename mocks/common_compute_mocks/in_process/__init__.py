"""A mock inside the process of its client: behind `responses`, a session of `requests`, or `httpx`."""

from common_compute_mocks.in_process.httpx_transport import MockTransport
from common_compute_mocks.in_process.intercept import intercepted
from common_compute_mocks.in_process.mock import InProcessMock
from common_compute_mocks.in_process.session_adapter import MockAdapter, session_with
from common_compute_mocks.server import MockSettings

__all__ = ["InProcessMock", "MockAdapter", "MockSettings", "MockTransport", "intercepted", "session_with"]
