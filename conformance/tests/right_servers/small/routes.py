"""Which operation a request means, and all that is asked of it before anybody looks at jobs, in the contract's order."""

import secrets
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import facility
import operations
import parameters
from callers import Callers
from negotiation import brings_json, takes_json
from operations import Call
from pages import Pages
from parameters import Parameter
from problems import Problem, not_found
from rate import Rate
from store import Store
from strict_json import NotJson, digest, parse
from wire import Answer, Request

BASE = "v1"


@dataclass(frozen=True)
class Operation:
    """What is true of an operation before it does anything."""

    run: Callable[[Call], Answer]
    known: Mapping[str, Parameter] = field(default_factory=dict)
    needs_token: bool = True
    answers_json: bool = True
    takes_body: bool = False


_not_claimed = Operation(operations.not_claimed)

# The first that fits counts: `validate` is the id of no job.
PATHS: tuple[tuple[str, dict[str, Operation]], ...] = (
    ("service-info", {"GET": Operation(operations.get_service_info, needs_token=False)}),
    ("health", {"GET": Operation(operations.get_health, needs_token=False)}),
    ("facilities", {"GET": Operation(operations.list_facilities)}),
    ("facilities/{facility_id}", {"GET": Operation(operations.get_facility)}),
    (
        "facilities/{facility_id}/software",
        {"GET": Operation(operations.list_software, parameters.OF_SOFTWARE)},
    ),
    ("facilities/{facility_id}/credential", dict.fromkeys(("GET", "PUT", "DELETE"), _not_claimed)),
    (
        "jobs",
        {
            "GET": Operation(operations.list_jobs, parameters.OF_JOBS),
            "POST": Operation(operations.submit_job, takes_body=True),
        },
    ),
    ("jobs/validate", {"POST": _not_claimed}),
    (
        "jobs/{job_id}",
        {
            "GET": Operation(operations.get_job, parameters.OF_A_JOB),
            "DELETE": Operation(operations.release_job, answers_json=False),
        },
    ),
    ("jobs/{job_id}/cancel", {"POST": Operation(operations.cancel_job)}),
    ("jobs/{job_id}/tasks", {"GET": _not_claimed}),
    ("jobs/{job_id}/results", {"GET": Operation(operations.list_results, parameters.OF_RESULTS)}),
    ("jobs/{job_id}/results/{result_id}", {"GET": Operation(operations.get_result, answers_json=False)}),
    (
        "jobs/{job_id}/logs/{stream}",
        {"GET": Operation(operations.get_log, parameters.OF_A_LOG, answers_json=False)},
    ),
)


class Routes:
    """Leads requests to operations."""

    def __init__(self, callers: Callers, store: Store, rate: Rate) -> None:
        self._callers = callers
        self._rate = rate
        self._store = store
        self._pages = Pages()
        self._digest_key = secrets.token_bytes(32)

    def answer(self, request: Request) -> Answer:
        """Answer a request; Problem if it is refused."""
        target = urllib.parse.urlsplit(request.target)
        methods, ids = find(target.path)
        if request.method == "OPTIONS":
            if not methods:
                raise not_found()
            return Answer(204, {"allow": _allowed(methods)})
        method = "GET" if request.method == "HEAD" else request.method
        operation = methods.get(method)
        caller = ""
        if not methods or any(each.needs_token for each in methods.values()):
            caller = self._callers.identify(request.headers.get("authorization"))
        self._rate.admit(caller)
        if not methods:
            raise not_found()
        if operation is None:
            allow = {"allow": _allowed(methods)}
            raise Problem(
                "method-not-allowed", "This path has the methods that `Allow` lists.", headers=allow
            )
        if operation is _not_claimed:
            raise not_found()
        if operation.answers_json and not takes_json(request.headers.get("accept")):
            raise Problem("not-acceptable", "The answer is application/json: let `Accept` allow it.")
        body = _body(request) if operation.takes_body else None
        key = request.headers.get("idempotency-key") if operation.takes_body else None
        sealed = digest(body, self._digest_key) if key is not None else b""
        with self._store.lock:
            return operation.run(
                Call(
                    self._store,
                    self._pages,
                    caller,
                    target.path,
                    target.query,
                    ids,
                    request.headers,
                    operation.known,
                    body,
                    key,
                    sealed,
                )
            )


def find(path: str) -> tuple[Mapping[str, Operation], dict[str, str]]:
    """Give the operations of a path by their methods, none if it is no operation's, and the ids in it."""
    first, *segments = [urllib.parse.unquote(segment) for segment in path.removeprefix("/").split("/")]
    for template, methods in PATHS if first == BASE else ():
        names = template.split("/")
        pairs = list(zip(names, segments, strict=False))
        if len(names) == len(segments) and all(
            name in (f"{name[0]}", text) or name[0] == "{" for name, text in pairs
        ):
            return methods, {name.strip("{}"): text for name, text in pairs if name[0] == "{"}
    return {}, {}


def _allowed(methods: Mapping[str, Operation]) -> str:
    return ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])


def _body(request: Request) -> object:
    if not brings_json(request.headers):
        raise Problem(
            "unsupported-media-type", "Send the body as application/json, in UTF-8, with no coding."
        )
    if len(request.body) > facility.MAX_REQUEST_BYTES:
        raise Problem(
            "payload-too-large", f"A body may have {facility.MAX_REQUEST_BYTES} bytes: send a smaller one."
        )
    try:
        return parse(request.body)
    except NotJson as error:
        raise Problem("malformed-request", f"The body is no JSON that is taken here: {error}.") from None
