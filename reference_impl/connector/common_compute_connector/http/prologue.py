"""What comes before every operation, in the contract's order (design section 11), in one place.

Before this, outside: 401, 429, 404 and 405 of the route. After this, in the handlers: 409, 410, 404 of a
result or task, 416, 503.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from common_compute_connector.answers import Answer, ByteAnswer
from common_compute_connector.contract import Operation
from common_compute_connector.errors import Fault, Faulty, NotFound
from common_compute_connector.http.handlers import Handler
from common_compute_connector.http.request import Request
from common_compute_connector.service import Service
from common_compute_connector.store.jobs import find_job

_LATE = frozenset({"result_id"})
"""Ids that are looked for last, by their handlers."""


class Prologue:
    """The prologue of one operation, made once."""

    def __init__(self, service: Service, operation: Operation, handler: Handler) -> None:
        self._service = service
        self._operation = operation
        self._handler = handler
        self._ids = {
            entry.name: re.compile(entry.schema["x-pattern"].removeprefix("^").removesuffix("$"))
            for entry in operation.parameters
            if entry.place == "path"
        }
        self._pages = any(entry.name == "page_token" for entry in operation.parameters)

    async def answer(self, request: Request) -> Answer | ByteAnswer:
        """Refuse a request for the first reason there is, or let its handler answer.

        Raises:
            Refusal: for the first reason.
        """
        if request.refusals:  # 403, 406, 415, 413, 400
            raise request.refusals[0]
        if any(fault.header == "Idempotency-Key" for fault in request.faults):
            raise Faulty([*request.faults, *self._judged(request)])
        await self._find(request)
        if self._handler.look_up is not None:
            found = await self._handler.look_up(self._service, request)
            if found is not None:
                return found
        if self._pages:
            self._read_page_token(request)
        faults = [*request.faults, *self._judged(request)]
        if faults:
            raise Faulty(faults)
        return await self._handler.answer(self._service, request)

    async def _find(self, request: Request) -> None:
        """Find the job or the facility of the path, and tell whether the operation's class is claimed."""
        for name, pattern in self._ids.items():
            if name not in _LATE and pattern.fullmatch(request.ids[name]) is None:
                raise NotFound(name.removesuffix("_id"))
        facility_id = request.ids.get("facility_id")
        if facility_id is not None and self._service.facilities.get(facility_id) is None:
            raise NotFound("facility", facility_id)
        job_id = request.ids.get("job_id")
        if job_id is not None:
            job = await self._service.store.read(
                lambda connection: find_job(connection, request.caller.owner, job_id)
            )
            if job is None:
                raise NotFound("job", job_id)
            request.found_job = job
            facility_id = job.facility_id
        if not self._is_claimed(facility_id):
            raise NotFound("operation of that class")

    def _is_claimed(self, facility_id: str | None) -> bool:
        if self._operation.conformance_class == "core":
            return True
        if not self._operation.class_is_the_facilitys:
            return self._operation.conformance_class in self._service.classes
        assert facility_id is not None, "such an operation has a facility or a job in its path"
        return self._operation.conformance_class in self._service.facility_classes(facility_id)

    def _read_page_token(self, request: Request) -> None:
        read = self._service.pages.position(request.caller.owner, request.path, request.query)
        if isinstance(read, Fault):
            request.faults.append(read)
        else:
            request.position = read

    def _judged(self, request: Request) -> Sequence[Fault]:
        return () if self._handler.judge is None else self._handler.judge(self._service, request)
