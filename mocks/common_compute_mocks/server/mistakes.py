"""What a mock cannot do, told to who asks for it.

MockMistake
|-- ClockRuns       time cannot be let pass in a mock whose clock runs by itself
"""

from __future__ import annotations


class MockMistake(Exception):
    """Something that the mock, as it was set up, has no way to do."""


class ClockRuns(MockMistake):
    """The clock runs by itself; a held one passes time when it is told to."""
