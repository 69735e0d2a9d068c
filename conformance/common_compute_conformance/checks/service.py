"""Check the service's own document, its health, and its base URL."""

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
    faults = trial.contract.faults_of("Health", exchange.document())
    trial.require(not faults, f"the health document does not fit the contract: {faults}")
    trial.witness(f"{exchange}: {exchange.document()['status']}")


@check("CC-SVC-008")
def base_url_has_the_version(trial: Trial) -> None:
    """CC-SVC-008: the base URL ends in the contract's major version."""
    wanted = "v" + trial.contract.version.partition(".")[0]
    trial.equal(wanted, trial.target.url.rpartition("/")[2], "the last segment of the base URL")
    trial.client.call("get_service_info").expect(200)
    trial.witness(f"the service answers below {trial.target.url}")
