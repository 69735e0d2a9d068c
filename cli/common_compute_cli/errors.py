"""Everything that can keep a command from its task; each error carries data, and tells it in a sentence.

CommandLineError             exit code 2, unless it says otherwise
|-- WrongUsage               an argument, a file or the environment cannot be used
|-- ExtraMissing             a room of the distribution that the command needs is not installed
|-- NothingAnswers           no server answers at the URL
|-- NotThisApi               a server answers, but not as the contract says
|-- ServerDidNotStart        a server of ours ended, or did not get ready
|-- Refused                  exit code 1: the server answered with a problem document
|-- NeverEnded               exit code 1: a job did not end in the time that the caller gave it
|-- UnexpectedEnd            exit code 1: a job ended otherwise than it should have
|-- ServerEnded              exit code 1: a server of ours ended by itself
|-- InstallationFailed       exit code 1: packages could not be installed
|-- FacilitiesAtFault        exit code 1: facilities do not answer, or are not as their configuration says
`-- DamagedDownload          exit code 1: the bytes that came are not those that the server announced
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ANSWER_IS_NO = 1
COULD_NOT_ASK = 2


class CommandLineError(Exception):
    """Anything that this module names; `str` of it is what the user reads."""

    exit_code = COULD_NOT_ASK


class WrongUsage(CommandLineError):
    """What was given cannot be used; the words say what can."""


class ExtraMissing(CommandLineError):
    """A command needs packages that come with an extra."""

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(extra, module)
        self.extra = extra
        self.module = module

    def __str__(self) -> str:
        return (
            f"This command needs the extra '{self.extra}' (there is no module {self.module} here): "
            f"install it with: pip install 'common-compute[{self.extra}]'"
        )


class NothingAnswers(CommandLineError):
    """No connection, or no answer, in spite of some attempts."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(url, cause)
        self.url = url
        self.cause = re.sub(r"^\[Errno -?\d+\] ", "", cause)

    def __str__(self) -> str:
        return (
            f"Nothing answers at {self.url} ({self.cause}): is the server running, and is the address right?"
        )


class NotThisApi(CommandLineError):
    """What came back is neither what the contract promises nor a problem document."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(url, status)
        self.url = url
        self.status = status

    def __str__(self) -> str:
        return (
            f"{self.url} answered {self.status}, but not as a Common Compute server does: "
            "give the API's base address, which ends in /v1."
        )


class ServerDidNotStart(CommandLineError):
    """A server that this program started is not there."""

    def __init__(self, name: str, last_words: str) -> None:
        super().__init__(name, last_words)
        self.name = name
        self.last_words = last_words

    def __str__(self) -> str:
        return f"The server '{self.name}' did not start. Its last words: {self.last_words or '(none)'}"


class Refused(CommandLineError):
    """A problem document (RFC 9457); its members are in `problem`."""

    exit_code = ANSWER_IS_NO

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(dict(problem))
        self.problem = problem

    @property
    def code(self) -> str:
        """The problem's code, as the contract's catalogue has it."""
        return str(self.problem.get("code", ""))

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.problem.get("status", 0))

    def __str__(self) -> str:
        lines = [f"{self.problem.get('title', 'Refused')}: {self.problem.get('detail', '')}"]
        for fault in self.problem.get("errors", ()):
            place = fault.get("pointer") or fault.get("parameter") or fault.get("header")
            lines.append(f"  {place}: {fault['detail']}" if place else f"  {fault['detail']}")
        if self.status == 401:
            lines.append(
                "Give a token: put it into a file and name it with --token-file, or set COMMON_COMPUTE_TOKEN."
            )
        elif self.problem.get("retryable"):
            lines.append("The same request may succeed later.")
        return "\n".join(lines)


class NeverEnded(CommandLineError):
    """The patience for a job is over; the job goes on."""

    exit_code = ANSWER_IS_NO

    def __init__(self, job_id: str, state: str, seconds: float) -> None:
        super().__init__(job_id, state, seconds)
        self.job_id = job_id
        self.state = state
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"Job {self.job_id} is still {self.state} after {self.seconds:g} seconds. "
            "It goes on: wait again, or cancel it."
        )


class UnexpectedEnd(CommandLineError):
    """A job ended otherwise than it should have."""

    exit_code = ANSWER_IS_NO

    def __init__(self, job: Mapping[str, Any]) -> None:
        super().__init__(dict(job))
        self.job = job

    def __str__(self) -> str:
        reason = self.job.get("reason", {})
        words = ": ".join(str(reason[member]) for member in ("code", "detail") if member in reason)
        return (
            f"Job {self.job['id']} ({self.job.get('name', 'no name')}) {self.job['state']}. {words}".rstrip(
                ". "
            )
        )


class ServerEnded(CommandLineError):
    """A server of ours that should have gone on has ended."""

    exit_code = ANSWER_IS_NO

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(name, log)
        self.name = name
        self.log = log

    def __str__(self) -> str:
        return f"The server '{self.name}' has ended by itself; {self.log} may tell why."


class InstallationFailed(CommandLineError):
    """Packages could not be installed; nothing of them is left."""

    exit_code = ANSWER_IS_NO

    def __init__(self, place: Path, why: str, said: str) -> None:
        super().__init__(place, why, said)
        self.place = place
        self.why = why
        self.said = said

    def __str__(self) -> str:
        last = [f"  {line.rstrip()}" for line in self.said.splitlines() if line.strip()][-5:]
        return "\n".join([f"Nothing is installed in {self.place}: {self.why}.", *last])


class FacilitiesAtFault(CommandLineError):
    """Facilities of a configuration, each with what is wrong with it, in words."""

    exit_code = ANSWER_IS_NO

    def __init__(self, faults: Mapping[str, Sequence[str]]) -> None:
        super().__init__(dict(faults))
        self.faults = faults

    def __str__(self) -> str:
        lines = [f"  {facility}: {words}" for facility, faults in self.faults.items() for words in faults]
        return "\n".join(["Not all is well:", *lines])


class DamagedDownload(CommandLineError):
    """The sha256 of what was written differs from the one in the list of results."""

    exit_code = ANSWER_IS_NO

    def __init__(self, path: Path, expected: str, actual: str) -> None:
        super().__init__(path, expected, actual)
        self.path = path
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return (
            f"{self.path} is damaged: its sha256 is {self.actual}, the server announced {self.expected}. "
            "It was removed; download it again."
        )
