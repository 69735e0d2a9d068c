"""What a host is asked about inputs from elsewhere: all of it once, in portions, and again where it has forgotten."""

import asyncio

import pytest

from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import Deferred, Part, PartKey, Refused, Submission
from common_compute_rosetta.calls import Site
from common_compute_rosetta.staging import REQUEST_BYTES, Fetched, Staging
from common_compute_rosetta.staging_settings import StagingSettings

SITE = Site("/base", "/bin/sh")


def submission(number: int, url: str = "https://h/s3same") -> Submission:
    inputs = [{"path": "x", "source": {"kind": "url", "url": url}}]
    return Submission(Part(PartKey("job", number), "me", number, 1), {"command": ["x"], "inputs": inputs}, 1)


@pytest.fixture
def host():
    """Give a host that answers what a test says, and remembers what it was asked."""

    class Host:
        def __init__(self) -> None:
            self.calls: list[bytes] = []
            self.lines: list[str] = []

        async def ask(self, call):
            self.calls.append(call.stdin)
            return self.lines

    return Host()


def provide(staging, *batch, programs=True):
    return asyncio.run(staging.provide(batch, SITE, programs))


def test_what_a_host_knows_is_not_told_again(host):
    """URLs are told once; a host that does not know them is told again, and so is one after a restart."""
    staging = Staging(StagingSettings(), host.ask)
    for state, told in (
        ("moving", True),
        ("moving", False),
        ("unknown", False),
        ("waiting", True),
        ("moving", False),
    ):
        host.lines = [f"{state}\tjob.0"]
        answered = provide(staging, submission(0))
        assert [Deferred] == [type(answer) for answer in answered.answers]
        assert told == (b"s3same" in host.calls[-1]), state
    host.lines = ["ready\tjob.0", "failed\tjob.0\t0\tgone"]
    assert {PartKey("job", 0): Fetched("/base/staged/job.0/files", {0: "gone"})} == provide(
        staging, submission(0)
    ).fetched
    provide(Staging(StagingSettings(), host.ask), submission(0))
    assert b"s3same" in host.calls[-1]


def test_the_host_alone_sees_the_urls(host):
    """What is sent to the host's shell goes through its standard input."""
    seen = []

    async def ask(call):
        seen.append(call)
        return []

    provide(Staging(StagingSettings(), ask), submission(0))
    assert ([False], True) == ([b"s3same" in " ".join(seen[0].argv).encode()], b"s3same" in seen[0].stdin)


def test_many_urls_go_in_portions(host):
    """What does not fit into one call waits for the next one, and a single part goes however large it is."""
    staging = Staging(StagingSettings(), host.ask)
    half = "https://h/" + "x" * (REQUEST_BYTES // 2)
    batch = [submission(0, half * 3), submission(1), submission(2, half)]
    host.lines = ["moving\tjob.0"]
    answered = provide(staging, *batch)
    assert [True, False] == [b"job.0" in host.calls[-1], b"job.1" in host.calls[-1]]
    assert {0, 1, 2} == {answer.key.number for answer in answered.answers}
    host.lines = ["moving\tjob.0", "ready\tjob.1", "moving\tjob.2"]
    assert {PartKey("job", 1)} == provide(staging, *batch).fetched.keys()


def test_nobody_is_asked_for_nothing(host):
    """Without inputs from URLs no call is made, and without settings or programs nobody waits."""
    plain = Submission(Part(PartKey("job", 0), "me", 0, 1), {"command": ["x"]}, 1)
    assert [] == provide(Staging(StagingSettings(), host.ask), plain).answers
    for settings, programs in ((None, True), (StagingSettings(), False)):
        (answer,) = provide(Staging(settings, host.ask), submission(0), plain, programs=programs).answers
        words = "the facility does not fetch files from URLs any more"
        assert Refused(PartKey("job", 0), Reason("input-unavailable", words)) == answer
    assert [] == host.calls
