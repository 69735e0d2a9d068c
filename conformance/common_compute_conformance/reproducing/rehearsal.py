"""Choose the calls of a certification that have to be repeated before one of them shows its fault again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from common_compute_conformance.reproducing.journey import Call, Journey, jobs_in

_MOST_JOBS = 6
_FEWEST_TWINS = 4
TIMES = (("created_after", "created_at"), ("updated_after", "updated_at"))
"""Parameters that take a time out of a job, and the job's member that it is."""


@dataclass(frozen=True)
class Rehearsal:
    """The call that shows the fault, everything before it, and what of that the same check did."""

    final: Call
    journey: Journey
    conversation: Sequence[Call]

    @cached_property
    def twins(self) -> int:
        """How many times the last request was sent in a row, 0 if that is no crowd."""
        times = 1
        for call in reversed(self.conversation):
            if not call.same_request(self.final):
                break
            times += 1
        return times if times >= _FEWEST_TWINS and self.final.submits else 0

    @cached_property
    def kin(self) -> list[Call]:
        """The earlier submissions of the check under the key of the last request, as far as they count."""
        if not self.final.submits or self.final.key is None or self.twins:
            return []
        kin = [call for call in self.conversation if call.submits and call.key == self.final.key]
        return [call for call in kin if call.exchange.status == 201] or kin

    @cached_property
    def jobs(self) -> set[str]:
        """The ids of the jobs that the last request is about, as far as the kit made them."""
        jobs = {call.made for call in self.kin if call.made is not None}
        for call in self.chain(self.final):
            jobs |= self.jobs_of(call)
            jobs |= {job_id for _, _, job_id in self.times_of(call)}
        return jobs

    def jobs_of(self, call: Call) -> set[str]:
        """Return the ids of the jobs that a request is about; of a long list some in each state."""
        makers = self.journey.makers
        near = self.journey.job_near(call.job_id)
        if near in makers:
            return {str(near)}
        if not call.lists_jobs:
            return set()
        labels = {tuple(value.partition("=")[::2]) for name, value in call.query if name == "label"}
        shown = {str(job["id"]): str(job["state"]) for job in jobs_in(call) if job["id"] in makers}
        alike = [job_id for job_id, maker in makers.items() if labels and labels <= _labels(maker)]
        chosen: dict[str, str] = {}
        for job_id in [*shown, *(each for each in alike if each not in shown)]:
            state = shown.get(job_id) or self.journey.state_of(job_id)
            if list(chosen.values()).count(state) < _MOST_JOBS // 2 and len(chosen) < _MOST_JOBS:
                chosen[job_id] = state
        return set(chosen)

    def times_of(self, call: Call) -> list[tuple[str, str, str]]:
        """Return the times in a query that were taken out of jobs: the text, the member, and the job's id."""
        found = []
        for name, member in TIMES:
            for text in (value for parameter, value in call.query if parameter == name):
                job_id = self.journey.job_with_time(member, text)
                if job_id is not None:
                    found.append((text, member, job_id))
        return found

    def chain(self, call: Call) -> list[Call]:
        """Return the calls that gave the page token of this one, the first page first, and this one."""
        chain = [call]
        while (token := dict(chain[0].query).get("page_token")) is not None:
            source = self.journey.source("next_page_token", token)
            if source is None or source in chain:
                break
            chain.insert(0, source)
        return chain

    def calls(self) -> list[Call]:
        """Return the earlier calls that have to be repeated, in their order.

        They are the submissions of the jobs, whatever was done to these and took effect, also in an earlier
        check, and in the check itself whatever was tried.
        """
        about_credentials = self.final.submits or self.final.segments[-1:] == ("credential",)
        chosen = []
        for call in self.journey.calls:
            inside = call in self.conversation
            makes = call.made in self.jobs and self.journey.makers[str(call.made)] is call
            changes = call.changes_job and call.job_id in self.jobs and (inside or call.took_effect)
            enrols = call.changes_credential and inside and about_credentials
            if makes or changes or enrols or call in self.kin:
                chosen.append(call)
        return chosen


def _labels(maker: Call) -> set[tuple[str, ...]]:
    labels = maker.body.get("labels")
    return {(str(name), str(value)) for name, value in labels.items()} if isinstance(labels, dict) else set()
