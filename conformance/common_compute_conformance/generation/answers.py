"""Hold the answer to a generated request against its question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from common_compute_conformance.checks.refusals import encloses, step
from common_compute_conformance.errors import Failure
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.generation.attributions import naming
from common_compute_conformance.generation.questions import Question


@dataclass(frozen=True)
class Deviation:
    """One answer that the contract does not allow: to what, what was expected, what came."""

    question: Question
    expected: str
    actual: str
    exchange: Exchange

    def __str__(self) -> str:
        return f"{self.exchange} ({self.question.words}): expected {self.expected}, got {self.actual}"


def deviations(question: Question, exchange: Exchange) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with an answer: by which requirement, what was expected and what came."""
    if question.statuses and exchange.status not in question.statuses:
        wanted = " or ".join(str(status) for status in sorted(question.statuses))
        yield question.requirement, f"status {wanted}", f"status {exchange.status}"
    elif exchange.status == 405 and not exchange.headers.get("allow"):
        yield question.requirement, "a header Allow", "none"
    elif exchange.status == 422 and question.fault is not None and not _names(exchange, question):
        yield naming(question.fault), f"an error about {question.fault.name}", "none"
    elif question.verdict is not None and exchange.status == 200:
        said = _verdict(exchange)
        if said is not question.verdict:
            yield question.requirement, f"valid: {question.verdict}", f"valid: {said}"


def _names(exchange: Exchange, question: Question) -> bool:
    """Tell whether an error of a 422 is about what is wrong with the request."""
    fault = question.fault
    if fault is None or not fault.name:
        return True
    try:
        errors = exchange.document()["errors"]
        if fault.place == "query":
            return any(error.get("parameter") == fault.name for error in errors)
        if fault.place == "header":
            return any(str(error.get("header", "")).lower() == fault.name.lower() for error in errors)
        pointer = f"/{step(fault.name)}"
        return any(
            encloses(error.get("pointer"), pointer) or encloses(pointer, str(error.get("pointer")))
            for error in errors
        )
    except (Failure, AttributeError, TypeError):
        return False


def _verdict(exchange: Exchange) -> object:
    try:
        return exchange.document().get("valid")
    except Failure:
        return None
