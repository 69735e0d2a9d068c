"""What a mocked facility says of itself: documents that fit the contract and agree with how it behaves."""

from __future__ import annotations

from typing import Any

import pytest

from common_compute_connector import contract
from common_compute_connector.clock import HeldClock
from common_compute_connector.errors import ConfigurationError, EnrolmentNotSupported
from common_compute_connector.jobs import State
from common_compute_connector.protocol import FacilityConfiguration, Ground
from common_compute_connector.registry import entry_points
from common_compute_connector.schemas import component
from common_compute_mocks import flavours
from common_compute_mocks.facility import mock_configuration, open_connector
from common_compute_mocks.flavours import SUCCEEDED
