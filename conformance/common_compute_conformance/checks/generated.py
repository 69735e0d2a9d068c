"""Report what requests generated from the contract find, requirement by requirement."""

from __future__ import annotations

from common_compute_conformance.contract_check import examine
from common_compute_conformance.errors import Failure
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_PLAIN = ("plain",)
_BODIES = ("submit_job", "validate_job")
_LISTS = ("list_jobs", "list_results", "list_tasks", "list_software")
_QUERIES = (*_LISTS, "get_job", "get_log")
_WITH_IDS = (
    "get_facility",
    "list_software",
    "get_credential",
    "put_credential",
    "delete_credential",
    "get_job",
    "cancel_job",
    "release_job",
    "list_tasks",
    "list_results",
    "get_result",
    "get_log",
)


def _report(trial: Trial, requirement: str, so: str, *operation_ids: str) -> None:
    """Tell what was found of a requirement; `so` says of the requests how they were answered."""
    found = examine(trial, requirement, operation_ids)
    if found.deviations:
        smallest = found.smallest
        trial.client.recall(smallest.exchange)
        others = len(found.deviations) - 1
        more = f" (and {others} more of {found.asked} requests)" if others else ""
        raise Failure(f"{smallest}{more}", expected=smallest.expected, actual=smallest.actual)
    if not found.asked:
        trial.not_applicable("no generated request was about it here")
    trial.witness(f"{found.asked} generated requests to {', '.join(sorted(found.operations))} {so}")


@check("CC-SVC-004", specimens=_PLAIN, drawn=True)
def generated_requests_are_answered_in_form(trial: Trial) -> None:
    """CC-SVC-004: whatever is asked, the answer has a status of its operation and a body that fits it."""
    _report(trial, "CC-SVC-004", "were answered as their operations say")


@check("CC-ERR-004", specimens=_PLAIN, drawn=True)
def generated_methods_are_not_allowed(trial: Trial) -> None:
    """CC-ERR-004: a method that an operation's path does not have is 405, with `Allow`."""
    _report(trial, "CC-ERR-004", "by other methods were answered 405 with Allow")


@check("CC-SVC-012", specimens=_PLAIN, drawn=True)
def generated_ids_are_not_found(trial: Trial) -> None:
    """CC-SVC-012: an id in a path that is unknown, or fits no pattern, is 404."""
    _report(trial, "CC-SVC-012", "with ids of nothing were answered 404", *_WITH_IDS)


@check("CC-SVC-015", specimens=_PLAIN, drawn=True)
def generated_parameters_are_refused(trial: Trial) -> None:
    """CC-SVC-015: an unknown or repeated query parameter is 422, and so is one of a wrong form."""
    _report(trial, "CC-SVC-015", "with a wrong parameter were answered 422", *_QUERIES)


@check("CC-ERR-010", specimens=_PLAIN, drawn=True)
def generated_faults_are_named(trial: Trial) -> None:
    """CC-ERR-010: the errors of a 422 name the `parameter` or `header` that is wrong."""
    _report(trial, "CC-ERR-010", "were answered with an error about what was wrong", *_QUERIES, "submit_job")


@check("CC-ERR-011", specimens=_PLAIN, drawn=True)
def generated_faults_are_pointed_out(trial: Trial) -> None:
    """CC-ERR-011: the errors of a 422 point to the member of the body that is wrong."""
    _report(trial, "CC-ERR-011", "were answered with a pointer to what was wrong", "submit_job")


@check("CC-SVC-017", specimens=_PLAIN, drawn=True)
def generated_page_sizes_are_refused(trial: Trial) -> None:
    """CC-SVC-017: a `page_size` below 1, above 1000 or not an integer is 422."""
    _report(trial, "CC-SVC-017", "with a wrong page_size were answered 422", *_LISTS)


@check("CC-SVC-018", specimens=_PLAIN, drawn=True)
def generated_page_tokens_are_refused(trial: Trial) -> None:
    """CC-SVC-018: a page token that the service did not make is 422."""
    _report(trial, "CC-SVC-018", "with a page token of nobody's were answered 422", *_LISTS)


@check("CC-JOB-044", specimens=_PLAIN, drawn=True)
def generated_filters_are_looked_at(trial: Trial) -> None:
    """CC-JOB-044: right filters of list_jobs are taken, and a wrong `state` or `label` is 422."""
    _report(trial, "CC-JOB-044", "were answered by their filters: 200 if right, else 422", "list_jobs")


@check("CC-JOB-045", specimens=_PLAIN, drawn=True)
def generated_times_are_looked_at(trial: Trial) -> None:
    """CC-JOB-045: what is no time in `created_after` or `updated_after` is 422."""
    _report(trial, "CC-JOB-045", "with what is no time were answered 422", "list_jobs")


@check("CC-JOB-002", specimens=_PLAIN, drawn=True)
def generated_requests_find_the_job(trial: Trial) -> None:
    """CC-JOB-002: get_job gives a job that is there, with whatever right parameters and headers."""
    _report(trial, "CC-JOB-002", "found the job", "get_job")


@check("CC-RES-002", specimens=_PLAIN, drawn=True)
def generated_requests_find_the_result(trial: Trial) -> None:
    """CC-RES-002: get_result gives a result that is there, with whatever headers."""
    _report(trial, "CC-RES-002", "found the result", "get_result")


@check("CC-RES-012", specimens=_PLAIN, drawn=True)
def generated_requests_find_the_results(trial: Trial) -> None:
    """CC-RES-012: list_results answers with whatever right parameters."""
    _report(trial, "CC-RES-012", "were answered with a page of results", "list_results")


@check("CC-LOG-001", specimens=_PLAIN, drawn=True)
def generated_requests_find_the_log(trial: Trial) -> None:
    """CC-LOG-001: get_log gives the log of a job's only task, and 404 for another task."""
    _report(trial, "CC-LOG-001", "found the log, or no log of a task that is not there", "get_log")


@check("CC-TASK-007", specimens=_PLAIN, drawn=True)
def generated_requests_find_the_tasks(trial: Trial) -> None:
    """CC-TASK-007: list_tasks answers with whatever right parameters."""
    _report(trial, "CC-TASK-007", "were answered with a page of tasks", "list_tasks")


@check("CC-FAC-009", specimens=_PLAIN, drawn=True)
def generated_requests_find_the_software(trial: Trial) -> None:
    """CC-FAC-009: list_software answers with whatever right parameters."""
    _report(trial, "CC-FAC-009", "were answered with a page of software", "list_software")


@check("CC-JOB-036", specimens=_PLAIN, drawn=True)
def generated_cancels_of_a_terminal_job(trial: Trial) -> None:
    """CC-JOB-036: cancel_job of a terminal job is 200."""
    _report(trial, "CC-JOB-036", "were answered 200", "cancel_job")


@check("CC-JOB-001", specimens=_PLAIN, drawn=True)
def generated_submissions_are_accepted(trial: Trial) -> None:
    """CC-JOB-001: a valid submission is 201, whatever its name, labels, variables and files."""
    _report(trial, "CC-JOB-001", "were accepted", "submit_job")


@check("CC-VAL-001", specimens=_PLAIN, drawn=True)
def generated_members_are_refused(trial: Trial) -> None:
    """CC-VAL-001: an unknown member is 422, wherever in the body it stands."""
    _report(trial, "CC-VAL-001", "with an unknown member were answered 422", "submit_job")


@check("CC-VAL-002", specimens=_PLAIN, drawn=True)
def generated_types_are_looked_at(trial: Trial) -> None:
    """CC-VAL-002: a value of a wrong type, and a required one that is missing, is 422."""
    _report(trial, "CC-VAL-002", "with a wrong or a missing value were answered 422", "submit_job")


@check("CC-VAL-003", specimens=_PLAIN, drawn=True)
def generated_commands_are_looked_at(trial: Trial) -> None:
    """CC-VAL-003: a `command` that is empty or holds a NUL is 422."""
    _report(trial, "CC-VAL-003", "with a wrong command were answered 422", "submit_job")


@check("CC-VAL-004", specimens=_PLAIN, drawn=True)
def generated_environments_are_looked_at(trial: Trial) -> None:
    """CC-VAL-004: a value in `environment` that holds a NUL is 422."""
    _report(trial, "CC-VAL-004", "with a wrong environment were answered 422", "submit_job")


@check("CC-VAL-005", specimens=_PLAIN, drawn=True)
def generated_paths_are_looked_at(trial: Trial) -> None:
    """CC-VAL-005: an input or output with a wrong path or source is 422."""
    _report(trial, "CC-VAL-005", "with wrong inputs or outputs were answered 422", "submit_job")


@check("CC-VAL-006", specimens=_PLAIN, drawn=True)
def generated_names_are_looked_at(trial: Trial) -> None:
    """CC-VAL-006: a `name` or `project` that is empty, too long or holds a control character is 422."""
    _report(trial, "CC-VAL-006", "with a wrong name or project were answered 422", "submit_job")


@check("CC-VAL-007", specimens=_PLAIN, drawn=True)
def generated_labels_are_looked_at(trial: Trial) -> None:
    """CC-VAL-007: too many labels, and a label's value too long or with a control character, are 422."""
    _report(trial, "CC-VAL-007", "with wrong labels were answered 422", "submit_job")


@check("CC-VAL-021", specimens=_PLAIN, drawn=True)
def generated_specifications_are_valid(trial: Trial) -> None:
    """CC-VAL-021: validate_job says `valid` of a valid body."""
    _report(trial, "CC-VAL-021", "were found valid", *_BODIES)


@check("CC-VAL-022", specimens=_PLAIN, drawn=True)
def generated_specifications_are_not_valid(trial: Trial) -> None:
    """CC-VAL-022: validate_job answers 200 with `valid` false to what is JSON and no job specification."""
    _report(trial, "CC-VAL-022", "were found not valid", *_BODIES)


@check("CC-ERR-006", specimens=_PLAIN, drawn=True)
def generated_media_types_are_refused(trial: Trial) -> None:
    """CC-ERR-006: a body without a Content-Type, or with another than `application/json`, is 415."""
    _report(trial, "CC-ERR-006", "announced as something else were answered 415", *_BODIES, "put_credential")


@check("CC-IDEM-006", specimens=_PLAIN, drawn=True)
def generated_keys_are_looked_at(trial: Trial) -> None:
    """CC-IDEM-006: an `Idempotency-Key` of a wrong form is 422."""
    _report(trial, "CC-IDEM-006", "with a wrong key were answered 422", "submit_job")


@check("CC-CRED-003", specimens=_PLAIN, drawn=True)
def generated_credentials_are_refused(trial: Trial) -> None:
    """CC-CRED-003: put_credential takes `account`, `subject` and `group`, and any other body is 422."""
    _report(trial, "CC-CRED-003", "with a wrong body were answered 422", "put_credential")


@check("CC-ACC-002", specimens=_PLAIN, drawn=True)
def generated_requests_need_a_token(trial: Trial) -> None:
    """CC-ACC-002: without a token or with an unknown one everything is 401, right or wrong."""
    _report(trial, "CC-ACC-002", "without a valid token were answered 401")
