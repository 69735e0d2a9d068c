"""A certificate says what it is worth, and says it whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from common_compute_conformance.certificate import Certificate, Verdict, kit_facts, verdict_of
from common_compute_conformance.hints import load_hints
from common_compute_conformance.outcome import Outcome, Result
from common_compute_conformance.reporting.publication import write
from common_compute_conformance.reporting.report import report
from common_compute_conformance.requirements import Requirement, load_requirements
from common_compute_conformance.seal import digest_of

MUST = Requirement("CC-JOB-001", "core", "MUST", "A job is a job.", ("submit_job",), "http")
FACTS = {
    **kit_facts(),
    "seed": 1,
    "budget": "quick",
    "strict": False,
    "started_at": "2026-03-01T12:00:00Z",
    "seconds": 1.0,
    "native_jobs": 1,
    "requests": 2,
    "left_behind": [],
    "target": {"url": "http://localhost/v1", "facility_id": "f", "service_info": {}, "facility": {}},
}


def _verdict(
    outcome: Outcome, requirement: Requirement = MUST, *, claimed: bool = True, strict: bool = False
) -> Verdict:
    witnesses = ("seen",) if outcome is Outcome.PASSED else ()
    results = [Result("a_check", outcome, "" if witnesses else "why\x00", witnesses)]
    return verdict_of(requirement, claimed=claimed, strict=strict, results=results)


def _certificate(*verdicts: Verdict, partial: bool = False, stopped: str | None = None) -> Certificate:
    return Certificate(verdicts, partial, stopped, FACTS)


PASSED = _verdict(Outcome.PASSED)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.PASSED, 0),
        (Outcome.NOT_APPLICABLE, 0),
        (Outcome.FAILED, 1),
        (Outcome.ERROR, 1),
        (Outcome.FLAKY, 1),
        (Outcome.NOT_ASSESSED, 1),
    ],
)
def test_exit_code(outcome: Outcome, code: int) -> None:
    """Exit 0 asks that nothing failed, broke, was flaky or was not assessed."""
    assert _certificate(PASSED, _verdict(outcome)).exit_code == code


def test_nothing_passed_is_no_certificate() -> None:
    """A run in which nothing passed exits with 1, also if nothing failed."""
    assert _certificate(_verdict(Outcome.NOT_APPLICABLE)).exit_code == 1
    assert _certificate().exit_code == 1


def test_what_does_not_decide() -> None:
    """A SHOULD decides in strict runs only; a class that is not claimed, or a harness's requirement, never."""
    should = replace(MUST, level="SHOULD")
    assert _certificate(PASSED, _verdict(Outcome.FAILED, should)).exit_code == 0
    assert _certificate(PASSED, _verdict(Outcome.FAILED, should, strict=True)).exit_code == 1
    assert _certificate(PASSED, _verdict(Outcome.FAILED, claimed=False)).exit_code == 0
    harness = verdict_of(replace(MUST, verified_by="harness"), claimed=True, strict=True, results=[])
    assert harness.outcome is Outcome.NOT_ASSESSED
    assert _certificate(PASSED, harness).exit_code == 0


def test_a_requirement_without_a_check() -> None:
    """A requirement of a claimed class that the kit has no check for is not assessed, and decides."""
    verdict = verdict_of(MUST, claimed=True, strict=False, results=[])
    assert verdict.outcome is Outcome.NOT_ASSESSED
    assert _certificate(PASSED, verdict).exit_code == 1


def test_a_partial_run_is_called_partial() -> None:
    """A partial run is never called certified, names no class as certified, and is judged on what was asked."""
    good = _certificate(PASSED, partial=True)
    assert (good.exit_code, good.document()["verdict"], good.document()["certified_classes"]) == (
        0,
        "partial-passed",
        [],
    )
    assert "PARTIAL RUN, no certificate" in report(good)
    assert _certificate(_verdict(Outcome.FAILED), partial=True).document()["verdict"] == "partial-failed"


def test_a_stopped_run_is_refused() -> None:
    """A run that the smoke stage stopped is refused, and its report begins with the advice."""
    stopped = _certificate(PASSED, stopped="Nothing works. Start it.")
    assert (stopped.exit_code, stopped.verdict) == (1, "refused")
    assert stopped.certified_classes == ()
    assert "Nothing works. Start it." in report(stopped)


def test_the_document_is_whole(tmp_path: Path) -> None:
    """certificate.json has the digests of spec, kit and suite, the target, every requirement, and its footer last."""
    write(_certificate(PASSED, _verdict(Outcome.FAILED)), tmp_path)
    document = json.loads((tmp_path / "certificate.json").read_text())
    assert {"openapi.yaml", "requirements.yaml", "transitions.yaml"} == set(document["spec"])
    assert len(document["kit"]["sha256"]) == len(document["suite"]["sha256"]) == 64
    assert {"format", "verdict", "partial", "seed", "target", "classes", "certified_classes"} <= set(document)
    entry = document["requirements"][0]
    assert ("CC-JOB-001", "passed", True) == (entry["id"], entry["outcome"], entry["decides"])
    assert ["seen"] == entry["checks"][0]["witnesses"]
    assert list(document)[-1] == "footer"
    footer = document.pop("footer")
    assert {"requirements": 2, "sha256": digest_of(document)} == footer


def test_a_changed_document_has_another_digest() -> None:
    """The footer's digest tells a certificate that was edited."""
    document = _certificate(_verdict(Outcome.FAILED)).document()
    footer = document.pop("footer")
    document["requirements"][0]["outcome"] = "passed"
    assert digest_of(document) != footer["sha256"]


def test_what_a_check_found_is_told() -> None:
    """A check's entry has what was expected, what came and how to see it again, where there is something to say."""
    told = Result("a_check", Outcome.FAILED, "why", expected="1", actual="2", reproduce="curl x\n")
    verdict = verdict_of(MUST, claimed=True, strict=False, results=[told, Result("another", Outcome.FAILED)])
    first, second = _certificate(verdict).document()["requirements"][0]["checks"]
    assert ("1", "2", "curl x\n") == (first["expected"], first["actual"], first["reproduce"])
    assert {"expected", "actual", "reproduce", "message"}.isdisjoint(second)


def test_coverage_counts() -> None:
    """Coverage counts what can be seen from outside, what of it a check came to an answer about, and what cannot."""
    harness = verdict_of(replace(MUST, verified_by="harness"), claimed=True, strict=True, results=[])
    verdicts = [_verdict(outcome) for outcome in Outcome]
    coverage = _certificate(*verdicts, _verdict(Outcome.PASSED, claimed=False), harness).document()[
        "coverage"
    ]
    assert (7, 6, 3) == tuple(coverage["http"][name] for name in ("requirements", "claimed", "assessed"))
    assert {**dict.fromkeys(Outcome, 1), "not-applicable": 2} == coverage["http"]["outcomes"]
    assert ({"requirements": 1}, {"requirements": 0}) == (coverage["harness"], coverage["inspection"])


def test_hints_are_given() -> None:
    """A requirement's entry says where to look if it is not met."""
    assert load_hints()["CC-JOB-001"] == _certificate(PASSED).document()["requirements"][0]["hint"]


def test_each_http_requirement_has_a_hint() -> None:
    """Each requirement that is verified over HTTP has one hint of its own, which ends as a sentence."""
    wanted = [each.id for each in load_requirements() if each.verified_by == "http"]
    hints = load_hints()
    assert sorted(wanted) == sorted(hints)
    assert len(wanted) == len(set(hints.values()))
    assert [] == [each for each in hints.values() if not each.endswith(".") or len(each) > 220]


def test_junit_parses(tmp_path: Path) -> None:
    """junit.xml parses whatever a server said; what decides and was not assessed is an error there."""
    verdicts = [_verdict(outcome) for outcome in Outcome]
    write(_certificate(*verdicts, stopped="\x1b[31mstopped\x00"), tmp_path)
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    kinds = [case[0].tag for case in suite]
    assert ["failure", "system-out", "failure", "error", "failure", "skipped", "error"] == kinds
    assert ("7", "3", "2", "1") == tuple(
        suite.get(name) for name in ("tests", "failures", "errors", "skipped")
    )


def test_the_report_shows_what_is_wrong() -> None:
    """The report names each requirement that is not fine, with its sentence and what was found, and no control character."""
    text = report(_certificate(PASSED, _verdict(Outcome.FAILED)))
    assert "FAILED CC-JOB-001 MUST core" in text
    assert "A job is a job." in text
    assert "why\\x00" in text
    assert text.endswith("NOT CERTIFIED\n")


def test_the_report_of_a_certificate() -> None:
    """The report of a certificate names the certified classes in its last line."""
    assert report(_certificate(PASSED)).endswith("CERTIFIED for core\n")
