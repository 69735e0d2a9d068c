"""Report what the stories of several jobs and callers found, requirement by requirement."""

from __future__ import annotations

from common_compute_conformance.errors import Failure
from common_compute_conformance.registry import CheckFunction, check
from common_compute_conformance.stories.machine import Stories, tell_stories
from common_compute_conformance.trial import Trial

_LAWS = {
    "CC-JOB-001": "a submission is accepted whatever was done before",
    "CC-JOB-002": "a job is found from its submission to its release",
    "CC-JOB-016": "a short job that nobody cancels succeeds",
    "CC-JOB-023": "a job is seen to go forward only",
    "CC-JOB-026": "a terminal job has its results",
    "CC-JOB-029": "a terminal job changes no more, whatever is done with others",
    "CC-JOB-035": "a job that has not ended can be cancelled",
    "CC-JOB-036": "a terminal job cannot be cancelled",
    "CC-JOB-037": "a cancelled job ends",
    "CC-JOB-039": "a released job is gone for every operation",
    "CC-JOB-040": "a job that has not ended cannot be released",
    "CC-JOB-042": "a list gives the newest job first",
    "CC-JOB-044": "a list gives the jobs of its labels",
    "CC-SVC-016": "a list gives each job once",
    "CC-RES-001": "a job that has not ended has no results",
    "CC-IDEM-001": "a key gives its job again",
    "CC-IDEM-003": "a key serves one body",
    "CC-IDEM-007": "each submission makes a job of its own",
    "CC-IDEM-008": "a key outlives its job",
    "CC-ACC-003": "a list gives the caller's own jobs",
    "CC-ACC-004": "the jobs of another are not there",
}


def _stories(trial: Trial) -> Stories:
    return trial.workbench.shared("stories", lambda: tell_stories(trial))


def _report(requirement: str, law: str) -> CheckFunction:
    def report(trial: Trial) -> None:
        stories = _stories(trial)
        if stories.broken is not None and stories.broken.requirement == requirement:
            for exchange in stories.conversation:
                trial.client.recall(exchange)
            steps = "; ".join(f"{number}. {step}" for number, step in enumerate(stories.steps, 1))
            raise Failure(
                f"{stories.broken.how}, at the end of this story: {steps}",
                expected=stories.broken.expected,
                actual=stories.broken.actual,
            )
        calls = stories.calls[requirement]
        if not calls:
            trial.not_applicable("no story came to it")
        trial.witness(f"{calls} times in {stories.told} random stories of several jobs: {law}")

    report.__name__ = "stories_keep_" + requirement.lower().replace("-", "_")
    report.__doc__ = f"{requirement}: in random stories of several jobs and callers, {law}."
    return report


for _requirement, _law in _LAWS.items():
    check(_requirement, drawn=True)(_report(_requirement, _law))
