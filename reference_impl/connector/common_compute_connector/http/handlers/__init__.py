"""The operations of the contract, each by its operationId."""

from __future__ import annotations

from collections.abc import Mapping

from common_compute_connector.http.handlers import (
    credentials,
    facilities,
    jobs,
    logs,
    results,
    service,
    submission,
)
from common_compute_connector.http.handlers.handler import Handler

__all__ = ["HANDLERS", "Handler"]

HANDLERS: Mapping[str, Handler] = {
    "get_service_info": Handler(service.get_service_info),
    "get_health": Handler(service.get_health),
    "list_facilities": Handler(facilities.list_facilities),
    "get_facility": Handler(facilities.get_facility),
    "list_software": Handler(facilities.list_software),
    "get_credential": Handler(credentials.get_credential),
    "put_credential": Handler(credentials.put_credential),
    "delete_credential": Handler(credentials.delete_credential),
    "submit_job": Handler(
        submission.submit_job, judge=submission.faults_of_job, look_up=submission.find_replay
    ),
    "validate_job": Handler(submission.validate_job),
    "list_jobs": Handler(jobs.list_jobs),
    "get_job": Handler(jobs.get_job),
    "cancel_job": Handler(jobs.cancel_job),
    "release_job": Handler(jobs.release_job),
    "list_tasks": Handler(jobs.list_tasks),
    "list_results": Handler(results.list_results),
    "get_result": Handler(results.get_result),
    "get_log": Handler(logs.get_log, judge=logs.faults_of_task_index),
}
