"""Have schemathesis make requests out of the contract, and look at the form of the answers.

No other module of the kit knows schemathesis.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zlib import crc32

import httpx
import hypothesis
import schemathesis
from hypothesis import strategies
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import HypothesisException
from schemathesis.core import NotSet
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation.drivers import CoverageGenerator, ExamplesGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.meta import CONTENT_TYPE_PROBES, CoveragePhaseData, CoverageScenario
from schemathesis.generation.overrides import Override
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)

from common_compute_conformance.exchange import Exchange
from common_compute_conformance.generation.kept import cache_directory, kept_drafts
from common_compute_conformance.generation.questions import NOTHING, Draft, Shape

# The one place that tunes what schemathesis generates. What a right server may answer otherwise than a plain
# run of schemathesis expects, and would be a false finding, is settled in `questions`.
_CONFIGURATION = {
    "generation": {
        # Tokens are the client's business; what goes without a valid one is settled in `contract_check`.
        "with-security-parameters": False,
    },
    "phases": {
        "coverage": {
            # HEAD works wherever GET does, OPTIONS everywhere; TRACE and QUERY stop at many a web server.
            "unexpected-methods": ["get", "put", "post", "delete", "patch"],
            "generate-duplicate-query-parameters": True,
        }
    },
}
_MADE_BY = [
    schemathesis.__version__,
    hypothesis.__version__,
    hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
]
"""What systematic requests depend on beside the contract."""
_CHECKS = [response_schema_conformance, content_type_conformance, response_headers_conformance]


class Generator:
    """Requests to the operations of one document; the same seed makes the same ones."""

    def __init__(self, document: Mapping[str, Any], seed: int) -> None:
        config = schemathesis.Config.from_dict(_CONFIGURATION)
        schema = schemathesis.openapi.from_dict(dict(document), config=config)
        found: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
        self._operations = {str(each.definition.raw["operationId"]): each for each in found}
        self._document = document
        self._seed = seed
        self._generated: dict[tuple[str, str, int], list[Draft]] = {}

    @property
    def operations(self) -> tuple[str, ...]:
        """The ids of the operations."""
        return tuple(self._operations)

    def systematic(self, operation_id: str) -> list[Draft]:
        """Return requests from the contract's examples and the edges of its schemas, whatever the seed."""
        own = self._of("systematic", operation_id)
        return own + self._judged("systematic") if operation_id == "validate_job" else own

    def random(self, operation_id: str, most: int) -> list[Draft]:
        """Return at most so many right requests, and as many wrong ones."""
        return (
            self._judged("random", most)
            if operation_id == "validate_job"
            else self._of("random", operation_id, most)
        )

    def faults_of_form(self, operation_id: str, exchange: Exchange) -> Iterator[str]:
        """Yield what schemathesis finds wrong with the form of an operation's answer."""
        # The body is here as it was decoded, and would be decoded again.
        headers = [pair for pair in exchange.headers.multi_items() if pair[0] != "content-encoding"]
        response = httpx.Response(
            exchange.status,
            headers=headers,
            content=exchange.content,
            request=httpx.Request(exchange.method, exchange.url),
        )
        response.elapsed = timedelta(seconds=exchange.seconds)
        operation = self._operations[operation_id]
        # Whatever it is, schemathesis shows the request in its message, of which nothing is taken.
        case = operation.Case(path_parameters={each.name: "-" for each in operation.path_parameters})
        try:
            case.validate_response(response, checks=_CHECKS)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                yield f"{failure.title}: {' '.join(failure.message.split())[:300]}"

    def _judged(self, way: str, most: int = 0) -> list[Draft]:
        """Return bodies made for submit_job as requests to validate_job, for which no body is wrong."""
        return [
            replace(draft, operation_id="validate_job")
            for draft in self._of(way, "submit_job", most)
            if draft.shape is Shape.REQUEST
        ]

    def _of(self, way: str, operation_id: str, most: int = 0) -> list[Draft]:
        key = (way, operation_id, most)
        if key not in self._generated:
            operation = self._operations[operation_id]
            if way == "random":
                cases = _at_random(operation, most, self._seed ^ crc32(operation_id.encode()))
                self._generated[key] = list(_drafted(operation_id, cases))
            else:
                made_of = [operation_id, operation.definition.raw, self._document.get("components"), _MADE_BY]
                self._generated[key] = kept_drafts(
                    made_of, lambda: list(_drafted(operation_id, _systematic(operation)))
                )
        return self._generated[key]


@lru_cache(maxsize=16)
def _kept(text: str, seed: int) -> Generator:
    return Generator(json.loads(text), seed)


def generator_of(document: Mapping[str, Any], seed: int) -> Generator:
    """Return the generator for a document and a seed, the same one again: what it makes takes seconds."""
    return _kept(json.dumps(document), seed)


def _systematic(operation: Any) -> Iterator[Any]:
    # These are no public names of schemathesis 4.32: its public ways all send the requests themselves.
    yield from ExamplesGenerator(
        operation=operation, override=Override(), feedback=NO_FEEDBACK, fill_missing=False
    )
    yield from CoverageGenerator(
        operation=operation,
        generation_modes=list(schemathesis.GenerationMode),
        generation_config=operation.schema.config.generation_for(operation=operation, phase="coverage"),
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )


def _at_random(operation: Any, most: int, seed: int) -> list[Any]:
    """Return random cases: right ones, and wrong ones where there is a parameter or a body to get wrong."""
    cases: list[Any] = []
    settings = hypothesis.settings(
        max_examples=most,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )

    def keep(case: Any) -> None:
        cases.append(case)

    for mode in schemathesis.GenerationMode:
        # Without a query or a body the generator would look for something wrong in vain.
        if mode.is_negative and not (operation.query or operation.body):
            continue
        collect = hypothesis.given(case=_patient(operation.as_strategy(generation_mode=mode)))(keep)
        hypothesis.seed(seed)(settings(collect))()
    return cases


@strategies.composite
def _patient(draw: strategies.DrawFn, strategy: strategies.SearchStrategy[Any]) -> Any:
    """Draw, or draw again where schemathesis 4.32 breaks.

    It rewrites the pattern of image references for some draws, and then finds it unsupported.
    """
    try:
        return draw(strategy)
    except HypothesisException:
        raise
    except Exception:  # noqa: BLE001 (whatever the generator's fault is, it is not the target's)
        hypothesis.reject()


def _drafted(operation_id: str, cases: Iterable[Any]) -> Iterator[Draft]:
    """Yield the drafts of schemathesis' cases, but of those that are no text in UTF-8."""
    for case in cases:
        data = case.meta.phase.data
        scenario = data.scenario if isinstance(data, CoveragePhaseData) else None
        shape = Shape.REQUEST
        if scenario is CoverageScenario.UNSPECIFIED_HTTP_METHOD:
            shape = Shape.METHOD
        elif scenario in CONTENT_TYPE_PROBES:
            shape = Shape.MEDIA_TYPE
        draft = Draft(
            operation_id=operation_id,
            method=case.method,
            path={name: unquote(str(value)) for name, value in (case.path_parameters or {}).items()},
            query=tuple(pair for name, value in case.query.items() for pair in _texts(name, value)),
            headers={name: str(value) for name, value in case.headers.items()},
            body=NOTHING if isinstance(case.body, NotSet) else case.body,
            shape=shape,
        )
        if _is_text(draft):
            yield draft


def _is_text(draft: Draft) -> bool:
    body = None if draft.body is NOTHING else draft.body
    try:
        json.dumps([draft.path, draft.query, draft.headers, body], ensure_ascii=False).encode()
    except (UnicodeEncodeError, TypeError):
        return False
    return True


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a query for a value; an empty list and null are not sent."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(name, each)
    elif isinstance(value, bool):
        yield name, str(value).lower()
    elif value is not None and not isinstance(value, dict):
        yield name, str(value)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep hypothesis and schemathesis from writing to the terminal and into the working directory.

    The tables of Unicode, which take hypothesis two seconds to make, are kept in the user's cache instead.
    """
    set_hypothesis_home_dir(cache_directory())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        set_hypothesis_home_dir(None)
