"""Show a certificate as a short plain text, for a terminal."""

from __future__ import annotations

import textwrap

from common_compute_conformance.certificate import Certificate, Verdict
from common_compute_conformance.hints import load_hints
from common_compute_conformance.outcome import RED, Outcome

_WIDTH = 110
_VERDICTS = {
    "certified": "CERTIFIED for {classes}",
    "refused": "NOT CERTIFIED",
    "partial-passed": "PARTIAL RUN, no certificate: all that was asked for passed",
    "partial-failed": "PARTIAL RUN, no certificate: not all that was asked for passed",
}


def report(certificate: Certificate) -> str:
    """Return the report: the classes in a table, what is not fine in full, the verdict as the last line."""
    target = certificate.facts["target"]
    lines = [
        f"Target: {target['url']}"
        + (f", facility {target['facility_id']}" if "facility_id" in target else "")
    ]
    if certificate.stopped is not None:
        lines += ["", *_wrapped("The smoke stage stopped: ", certificate.stopped)]
    lines += ["", *_table(certificate)]
    for verdict in certificate.verdicts:
        if (verdict.claimed and verdict.outcome in RED) or not verdict.fine:
            if certificate.stopped is not None and verdict.outcome is Outcome.NOT_ASSESSED:
                continue
            lines += ["", *_finding(verdict)]
    left = certificate.facts.get("left_behind", [])
    if left:
        lines += ["", *_wrapped("Could not be released, please look after them: ", ", ".join(left))]
    classes = ", ".join(certificate.certified_classes)
    lines += [
        "",
        f"{certificate.facts['native_jobs']} jobs, {certificate.facts['requests']} requests, "
        f"{certificate.facts['seconds']:.1f} s, seed {certificate.facts['seed']}",
        _VERDICTS[certificate.verdict].format(classes=classes),
    ]
    return "\n".join(lines) + "\n"


def _table(certificate: Certificate) -> list[str]:
    header = f"{'class':<12}{'claimed':<8}" + "".join(f"{outcome.value:>15}" for outcome in Outcome)
    rows = [header, "-" * len(header)]
    for name, entry in certificate.classes().items():
        counts = "".join(f"{entry['outcomes'][outcome.value] or '':>15}" for outcome in Outcome)
        rows.append(f"{name:<12}{'yes' if entry['claimed'] else 'no':<8}{counts}".rstrip())
    return rows


def _finding(verdict: Verdict) -> list[str]:
    requirement = verdict.requirement
    weight = "" if verdict.decides else " (does not decide)"
    return [
        f"{verdict.outcome.value.upper()} {requirement.id} "
        f"{requirement.level} {requirement.conformance_class}{weight}",
        *_wrapped("  ", requirement.sentence),
        *_wrapped("  -> ", verdict.message[:1500]),
        *(_wrapped("  Look: ", load_hints()[requirement.id]) if verdict.outcome in RED else []),
    ]


def _wrapped(prefix: str, text: str) -> list[str]:
    printable = "".join(
        letter if letter.isprintable() or letter == " " else f"\\x{ord(letter):02x}" for letter in text
    )
    return textwrap.wrap(
        printable, _WIDTH, initial_indent=prefix, subsequent_indent=" " * min(len(prefix), 6)
    ) or [prefix]
