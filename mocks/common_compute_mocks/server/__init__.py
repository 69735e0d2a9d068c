"""A whole service over mocked facilities: what `common-compute mock` serves, and tests have in process."""

from common_compute_mocks.server.service import MockService
from common_compute_mocks.server.settings import TOKENS, MockSettings

__all__ = ["TOKENS", "MockService", "MockSettings"]
