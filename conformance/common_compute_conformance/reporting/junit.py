"""Write a certificate as JUnit XML, one test case to a requirement."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from common_compute_conformance.certificate import Certificate, Verdict
from common_compute_conformance.outcome import Outcome

# What XML 1.0 cannot hold at all, also not escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(certificate: Certificate) -> bytes:
    """Return the certificate as a JUnit document.

    What decides and was not assessed is an error there: a viewer that shows it as skipped would show a
    certificate.
    """
    cases = [_case(verdict) for verdict in certificate.verdicts]
    if certificate.stopped is not None:
        cases.insert(0, _stopped(certificate.stopped))
    suite = ET.Element("testsuite", {"name": "common-compute-conformance", "tests": str(len(cases))})
    for name in ("failure", "error", "skipped"):
        plural = name if name == "skipped" else f"{name}s"
        suite.set(plural, str(sum(case.find(name) is not None for case in cases)))
    suite.extend(cases)
    root = ET.Element("testsuites", {"name": f"common-compute-conformance: {certificate.verdict}"})
    root.append(suite)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode").encode("utf-8")


def _case(verdict: Verdict) -> ET.Element:
    seconds = sum(result.seconds for result in verdict.results)
    case = ET.Element(
        "testcase",
        {
            "classname": f"common_compute.{verdict.requirement.conformance_class}",
            "name": verdict.requirement.id,
            "time": f"{seconds:.3f}",
        },
    )
    if verdict.outcome is Outcome.PASSED:
        witnesses = [witness for result in verdict.results for witness in result.witnesses]
        ET.SubElement(case, "system-out").text = _clean("\n".join(witnesses))
        return case
    kind = {Outcome.FAILED: "failure", Outcome.FLAKY: "failure", Outcome.ERROR: "error"}.get(
        verdict.outcome, "skipped"
    )
    if verdict.outcome is Outcome.NOT_ASSESSED and verdict.decides:
        kind = "error"
    child = ET.SubElement(case, kind, {"message": _clean(verdict.message), "type": verdict.outcome.value})
    child.text = _clean(f"{verdict.requirement.sentence}\n\n{verdict.message}")
    return case


def _stopped(message: str) -> ET.Element:
    case = ET.Element("testcase", {"classname": "common_compute.smoke", "name": "smoke", "time": "0"})
    ET.SubElement(case, "failure", {"message": _clean(message), "type": "smoke"})
    return case


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
