"""Check the service's own document and the conventions that every answer follows."""

from __future__ import annotations

from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial


@check("CC-SVC-001")
def service_info_needs_no_token(trial: Trial) -> None:
    """CC-SVC-001: get_service_info answers without a token and names `core`."""
    document = trial.client.as_caller(None).call("get_service_info").expect(200).document()
    trial.require(
        "core" in document["conforms_to"], f"conforms_to is {document['conforms_to']}, without core"
    )
    trial.witness(f"without a token: {document['id']} conforms to {', '.join(document['conforms_to'])}")


@check("CC-SVC-002")
def health_needs_no_token(trial: Trial) -> None:
    """CC-SVC-002: get_health answers pass with 200 or fail with 503, without a token."""
    exchange = trial.client.as_caller(None).call("get_health").expect(200, 503)
    trial.equal({200: "pass", 503: "fail"}[exchange.status], exchange.document()["status"], "health")
    trial.witness(f"{exchange}: {exchange.document()['status']}")
