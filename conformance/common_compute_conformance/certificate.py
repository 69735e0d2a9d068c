"""Make the certificate: requirement by requirement what was found, and by which spec and kit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from common_compute_conformance.contract import load_contract
from common_compute_conformance.hints import load_hints
from common_compute_conformance.outcome import Outcome, Result, worst
from common_compute_conformance.requirements import Requirement, spec_text
from common_compute_conformance.seal import sealed

FORMAT = "common-compute-certificate/1"
_FINE = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
_JUDGED = (Outcome.PASSED, Outcome.FAILED, Outcome.FLAKY)


@dataclass(frozen=True)
class Verdict:
    """What is known about one requirement, and whether that decides the certification.

    `claimed` tells whether the target claims its class; `decides` whether it counts: a MUST (a SHOULD only in
    strict runs), to be verified over HTTP, of a claimed class.
    """

    requirement: Requirement
    claimed: bool
    decides: bool
    outcome: Outcome
    message: str
    results: tuple[Result, ...] = ()

    @property
    def fine(self) -> bool:
        """Tell whether nothing of this requirement stands against a certificate."""
        return not self.decides or self.outcome in _FINE


def verdict_of(
    requirement: Requirement, *, claimed: bool, strict: bool, results: Sequence[Result]
) -> Verdict:
    """Judge one requirement from what its checks found."""
    decides = claimed and requirement.verified_by == "http" and (requirement.level == "MUST" or strict)
    if not claimed:
        outcome, message = Outcome.NOT_APPLICABLE, f"the class {requirement.conformance_class} is not claimed"
    elif requirement.verified_by != "http":
        outcome = Outcome.NOT_ASSESSED
        message = f"verified by {requirement.verified_by}: {requirement.why}"
    elif not results:
        outcome, message = Outcome.NOT_ASSESSED, "this kit has no check for it"
    else:
        outcome = worst(result.outcome for result in results)
        message = "; ".join(
            result.message for result in results if result.outcome is outcome and result.message
        )
    return Verdict(requirement, claimed, decides, outcome, message, tuple(results))


@dataclass(frozen=True)
class Certificate:
    """The outcome of a certification run.

    A partial one was asked for some requirements or classes only: it is judged on these, and is called
    partial.
    """

    verdicts: tuple[Verdict, ...]
    partial: bool
    stopped: str | None
    facts: Mapping[str, Any]

    @property
    def exit_code(self) -> int:
        """0 if something passed and nothing that decides failed, broke or was not assessed, else 1."""
        something = any(verdict.outcome is Outcome.PASSED for verdict in self.verdicts)
        fine = something and all(verdict.fine for verdict in self.verdicts)
        return 0 if fine and self.stopped is None else 1

    @property
    def verdict(self) -> str:
        """`certified` or `refused`, or of a partial run `partial-passed` or `partial-failed`."""
        if self.partial:
            return "partial-failed" if self.exit_code else "partial-passed"
        return "refused" if self.exit_code else "certified"

    @property
    def certified_classes(self) -> tuple[str, ...]:
        """The claimed classes of which every requirement that decides is fine."""
        return tuple(name for name, entry in self.classes().items() if entry["claimed"] and entry["fine"])

    def classes(self) -> dict[str, dict[str, Any]]:
        """Return class by class whether it is claimed, whether it is fine, and the outcomes' numbers."""
        names = dict.fromkeys(verdict.requirement.conformance_class for verdict in self.verdicts)
        return {name: self._class_of(name) for name in names}

    def _class_of(self, name: str) -> dict[str, Any]:
        mine = [verdict for verdict in self.verdicts if verdict.requirement.conformance_class == name]
        counts = Counter(verdict.outcome for verdict in mine if verdict.requirement.verified_by == "http")
        return {
            "claimed": any(verdict.claimed for verdict in mine),
            "fine": self.stopped is None and all(verdict.fine for verdict in mine),
            "outcomes": {outcome.value: counts[outcome] for outcome in Outcome},
        }

    def coverage(self) -> dict[str, Any]:
        """Return how many requirements can be seen from outside, how many of them were, and how many cannot.

        One is assessed if a check came to an answer about it, whatever it is.
        """
        ways = Counter(verdict.requirement.verified_by for verdict in self.verdicts)
        seen = [verdict for verdict in self.verdicts if verdict.requirement.verified_by == "http"]
        outcomes = Counter(verdict.outcome for verdict in seen)
        return {
            "http": {
                "requirements": len(seen),
                "claimed": sum(verdict.claimed for verdict in seen),
                "assessed": sum(outcomes[outcome] for outcome in _JUDGED),
                "outcomes": {outcome.value: outcomes[outcome] for outcome in Outcome},
            },
            "harness": {"requirements": ways["harness"]},
            "inspection": {"requirements": ways["inspection"]},
        }

    def document(self) -> dict[str, Any]:
        """Return the certificate as JSON; its footer is the last member, and tells that it is whole."""
        return sealed(self._body())

    def _body(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "verdict": self.verdict,
            "partial": self.partial,
            **({"stopped": self.stopped} if self.stopped else {}),
            **self.facts,
            "certified_classes": list(self.certified_classes) if not self.partial else [],
            "classes": self.classes(),
            "coverage": self.coverage(),
            "requirements": [_entry(verdict) for verdict in self.verdicts],
        }


def _entry(verdict: Verdict) -> dict[str, Any]:
    requirement = verdict.requirement
    hint = load_hints().get(requirement.id)
    return {
        "id": requirement.id,
        "class": requirement.conformance_class,
        "level": requirement.level,
        "verified_by": requirement.verified_by,
        **({"why": requirement.why} if requirement.why else {}),
        "sentence": requirement.sentence,
        **({"hint": hint} if hint is not None else {}),
        "claimed": verdict.claimed,
        "decides": verdict.decides,
        "outcome": verdict.outcome.value,
        **({"message": verdict.message} if verdict.message else {}),
        "checks": [_found(result) for result in verdict.results],
    }


def _found(result: Result) -> dict[str, Any]:
    words = {
        "message": result.message,
        "expected": result.expected,
        "actual": result.actual,
        "reproduce": result.reproduce,
    }
    return {
        "check": result.check,
        "outcome": result.outcome.value,
        **{name: text for name, text in words.items() if text},
        "witnesses": list(result.witnesses),
        "seconds": round(result.seconds, 3),
        "evidence": list(result.evidence),
    }


def kit_facts() -> dict[str, Any]:
    """Return which spec and which kit judge, by digest: those that were there when it was first asked."""
    names = ("openapi.yaml", "requirements.yaml", "transitions.yaml")
    frame, checks = _digests()
    return {
        "spec_version": load_contract().version,
        "spec": {name: hashlib.sha256(spec_text(name)).hexdigest() for name in names},
        "kit": {"name": "common-compute", "version": version("common-compute"), "sha256": frame},
        "suite": {"sha256": checks},
    }


@cache
def _digests() -> tuple[str, str]:
    """Return the digests of the kit's code without the checks, and of the checks."""
    sources = sorted(_sources(files("common_compute_conformance"), ""))
    checks = [source for source in sources if source[0].startswith("checks/")]
    frame = [source for source in sources if not source[0].startswith("checks/")]
    return _digest(frame), _digest(checks)


def _sources(folder: Traversable, prefix: str) -> Iterable[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _digest(sources: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in sources:
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
