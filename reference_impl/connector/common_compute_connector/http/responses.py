"""Hold every answer against the contract before it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common_compute_connector import schemas
from common_compute_connector.answers import Answer, ByteAnswer
from common_compute_connector.contract import Operation, resolved
from common_compute_connector.errors import Fault
from common_compute_connector.http import media
from common_compute_connector.schemas import Validator

_BY_THE_ENVELOPE = frozenset({"x-request-id"})


class ContractBroken(Exception):
    """An answer of ours does not fit the contract."""

    def __init__(self, operation_id: str, status: int, faults: list[Fault]) -> None:
        super().__init__(operation_id, status, faults)
        self.operation_id = operation_id
        self.status = status
        self.faults = faults


@dataclass(frozen=True, slots=True)
class _Promise:
    """What the contract says of one status: a document, or bytes, or nothing, and the headers."""

    document: Validator | None
    bytes: bool
    headers: frozenset[str]


class ResponseCheck:
    """The promises of one operation, compiled once."""

    def __init__(self, operation: Operation) -> None:
        self._id = operation.id
        self._promises = {
            int(status): _promise(response)
            for status, response in operation.responses.items()
            if status.isdecimal()
        }

    def check(self, answer: Answer | ByteAnswer) -> None:
        """Let an answer pass.

        Raises:
            ContractBroken: it does not fit.
        """
        promise = self._promises.get(answer.status)
        if promise is None:
            raise self._broken(answer, "this status is not declared")
        given = {name for name, _ in answer.headers}
        if missing := promise.headers - given:
            raise self._broken(answer, f"the header {min(missing)} is missing")
        if isinstance(answer, ByteAnswer):
            if not promise.bytes:
                raise self._broken(answer, "bytes are not declared")
        elif promise.document is None:
            if answer.document is not None:
                raise self._broken(answer, "a document is not declared")
        elif answer.document is None:
            raise self._broken(answer, "the document is missing")
        elif not promise.document.fits(answer.document):
            faults = promise.document.faults(answer.document)
            raise ContractBroken(self._id, answer.status, faults)

    def _broken(self, answer: Answer | ByteAnswer, detail: str) -> ContractBroken:
        return ContractBroken(self._id, answer.status, [Fault("internal", detail, pointer="")])


def _promise(response: Mapping[str, object]) -> _Promise:
    content = response.get("content", {})
    headers = response.get("headers", {})
    assert isinstance(content, dict)
    assert isinstance(headers, dict)
    json = content.get(media.JSON)
    required = {name.lower() for name, header in headers.items() if resolved(header).get("required")}
    return _Promise(
        document=None if json is None else schemas.compiled(json["schema"]),
        bytes=any(name not in (media.JSON, media.PROBLEM) for name in content),
        headers=frozenset(required - _BY_THE_ENVELOPE),
    )
