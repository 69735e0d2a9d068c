"""Write the fault of a check as curl commands that show it again when they are pasted into a shell."""

from __future__ import annotations

import re
from collections.abc import Sequence

from common_compute_conformance.exchange import Exchange
from common_compute_conformance.journal import Redaction
from common_compute_conformance.reproducing.curl import TOKEN_VARIABLES, Curl
from common_compute_conformance.reproducing.journey import Call, Journey, jobs_in
from common_compute_conformance.reproducing.rehearsal import Rehearsal
from common_compute_conformance.reproducing.shell import Variable, comment, word

_TERMINAL = ("succeeded", "failed", "cancelled")
_SECONDS_TO_WAIT = 600
_ORDINARY_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
_ONE_LINE = "sed -e :a -e '$!N' -e '$!ba' -e 's/\\n/ /g'"
_IN_A_QUERY = "sed -e 's/%/%25/g' -e 's/+/%2B/g' -e 's,/,%2F,g' -e 's/=/%3D/g' -e 's/&/%26/g'"
_ETAG = "sed -n 's/^[Ee][Tt][Aa][Gg]: *\\([^[:cntrl:]]*\\).*/\\1/p'"
_UNTIL_STATE = f"""\
until_state() {{
  job=$1 states=$2 n=0; shift 2
  [ -n "$job" ] || {{ echo "The job was not made."; return; }}
  until curl -sS "$@" "$URL/jobs/$job" | grep -Eq '"state" *: *"('"$states"')"' ||
    [ "$n" -ge {_SECONDS_TO_WAIT} ]; do n=$((n + 1)); sleep 1; done
}}"""


def reproduction(
    conversation: Sequence[Exchange],
    journal: Sequence[Exchange],
    base_url: str,
    *,
    redaction: Redaction,
    expected: str = "",
    actual: str = "",
) -> str:
    """Return a POSIX shell text that shows the fault of a conversation's last exchange again.

    The kit's jobs are gone by then: the text submits those that the last request is about once more, brings
    them to where they were, and repeats what the check did to them. Tokens stand in it as `$TOKEN` and
    `$OTHER_TOKEN`. Without a conversation there is nothing to repeat, and the text is empty.
    """
    if not conversation:
        return ""
    final = Call(conversation[-1], base_url)
    before = []
    for exchange in journal:
        if exchange is final.exchange:
            break
        before.append(Call(exchange, base_url))
    inside = {id(exchange) for exchange in conversation}
    calls = [call for call in before if id(call.exchange) in inside]
    script = _Script(Rehearsal(final, Journey(before), calls), redaction.secrets)
    return redaction.text(script.text(expected, actual))


class _Script:
    """One text in the making: its lines, and the variables that stand for what another run had."""

    def __init__(self, rehearsal: Rehearsal, secrets: Sequence[str]) -> None:
        self._rehearsal = rehearsal
        self._final = rehearsal.final
        self._journey = rehearsal.journey
        self._lines: list[str] = []
        self._curl = Curl(secrets, self._lines)
        self._waited: set[tuple[str, bool]] = set()

    def text(self, expected: str, actual: str) -> str:
        """Return the whole text."""
        self._renew_key()
        for call in self._rehearsal.calls():
            if call.made is not None and call.made not in self._curl.variables:
                self._submit_again(call, call.made)
            else:
                self._wait_for_the_jobs_of(call, self._journey.until(call))
                self._lines.append(
                    self._curl.command(call, "-o /dev/null", with_key=self._under_the_key(call))
                )
        self._resolve(self._final)
        if self._rehearsal.twins:
            self._all_at_once(self._rehearsal.twins)
        else:
            command = self._curl.command(self._final, "-i", with_key=True)
            self._lines.append(command + _made_visible(self._final))
        return "\n".join([*self._head(expected, actual), *self._lines, *self._farewell()]) + "\n"

    def _head(self, expected: str, actual: str) -> list[str]:
        final = self._final.exchange
        came = f"{final.status} {final.content[:300].decode('utf-8', 'backslashreplace')}".strip()
        lines = [comment(f"Expected: {expected}")] if expected else []
        lines += [comment(f"Came: {actual}")] if actual else []
        lines += [
            comment(f"The last request, {final.method} {self._final.path}, was answered {came}"),
            f"URL={word(self._final.base_url)}",
        ]
        lines += [
            f': "${{{name}:?Set {name} to {whose} token first}}"'
            for name, whose in zip(TOKEN_VARIABLES, ("the caller's", "the second caller's"), strict=True)
            if name in self._curl.tokens
        ]
        return lines

    def _farewell(self) -> list[str]:
        return [
            f"# Release it afterwards: curl -X DELETE{self._curl.authorization(maker.exchange)} "
            + word(Variable("URL"), "/jobs/", self._curl.variables[job_id])
            for job_id, maker in self._journey.makers.items()
            if job_id in self._curl.variables
        ]

    def _renew_key(self) -> None:
        """Take another key where the last request had one: the server remembers that of the certification."""
        key = self._final.key
        if key is not None and self._final.submits and _ORDINARY_KEY.fullmatch(key):
            self._curl.variables[key] = Variable("KEY")
            self._lines.append('KEY="again-$$-$(date +%s)"')

    def _under_the_key(self, call: Call) -> bool:
        return call in self._rehearsal.kin

    def _submit_again(self, call: Call, job_id: str) -> None:
        command = self._curl.command(call, with_key=self._under_the_key(call))
        variable = self._curl.new_variable("JOB", job_id)
        self._lines.append(f"{variable.name}=$({command} | {_first('id')})")

    def _all_at_once(self, times: int) -> None:
        numbers = " ".join(map(str, range(1, times + 1)))
        command = self._curl.command(self._final, "-o /dev/null -w '%{http_code}\\n'", with_key=True)
        self._lines += [
            comment(f"{times} at once, and the status of each:"),
            f"( for twin in {numbers}; do {command} & done; wait )",
        ]

    def _wait_for_the_jobs_of(self, call: Call, journey: Journey) -> None:
        shown = {str(job["id"]): str(job["state"]) for job in jobs_in(call)} if call.lists_jobs else {}
        jobs = self._rehearsal.jobs_of(call)
        for job_id in [each for each in self._curl.variables if each in jobs]:
            self._wait(job_id, shown.get(job_id) or journey.state_of(job_id))

    def _wait(self, job_id: str, state: str) -> None:
        terminal = state in _TERMINAL
        if not (terminal or state == "running") or (job_id, terminal) in self._waited:
            return
        if not self._waited:
            self._lines.append(_UNTIL_STATE)
        self._waited.add((job_id, terminal))
        states = "|".join(_TERMINAL if terminal else ("running", *_TERMINAL))
        authorization = self._curl.authorization(self._journey.makers[job_id].exchange)
        self._lines.append(f"until_state {word(self._curl.variables[job_id])} '{states}'{authorization}")

    def _resolve(self, call: Call) -> None:
        """Ask again for what a request took from earlier answers: a page, a result's id, times, an ETag."""
        chain = self._rehearsal.chain(call)
        for chained in chain:
            self._wait_for_the_jobs_of(chained, self._journey)
            self._resolve_result(chained)
            self._resolve_times(chained)
            self._resolve_etag(chained)
            if chained is not call:
                command = self._curl.command(chained)
                variable = self._curl.new_variable("PAGE", str(chained.answer["next_page_token"]))
                self._lines.append(
                    f"{variable.name}=$({command} | {_first('next_page_token')} | {_IN_A_QUERY})"
                )

    def _resolve_result(self, call: Call) -> None:
        if call.job_id is None or call.segments[2:3] != ("results",) or len(call.segments) != 4:
            return
        result_id = call.segments[3]
        found = self._journey.result(call.job_id, result_id)
        if found is None or call.job_id not in self._curl.variables:
            return
        place, entry = found
        pick = f"sed -n {place}p"
        if _PLAIN_PATH.fullmatch(str(entry.get("path"))):
            path = str(entry["path"]).replace(".", "[.]")
            pick = f'grep \'"path" *: *"{path}"\''
            task_index = entry.get("task_index")
            if isinstance(task_index, int):
                pick += f" | grep '\"task_index\" *: *{task_index}[^0-9]'"
        listing = word(
            Variable("URL"), "/jobs/", self._curl.variables[call.job_id], "/results?page_size=1000"
        )
        authorization = self._curl.authorization(call.exchange)
        variable = self._curl.new_variable("RESULT", result_id)
        self._lines.append(
            f"{variable.name}=$(curl -sS{authorization} {listing} | {_ONE_LINE} | grep -o '{{[^{{}}]*}}' "
            f"| {pick} | {_first('id')})"
        )

    def _resolve_times(self, call: Call) -> None:
        for moment, member, job_id in self._rehearsal.times_of(call):
            if job_id in self._curl.variables and moment not in self._curl.variables:
                authorization = self._curl.authorization(call.exchange)
                job = word(Variable("URL"), "/jobs/", self._curl.variables[job_id])
                variable = self._curl.new_variable("TIME", moment)
                self._lines.append(
                    f"{variable.name}=$(curl -sS{authorization} {job} | {_first(member)} | {_IN_A_QUERY})"
                )

    def _resolve_etag(self, call: Call) -> None:
        for name in ("if-none-match", "if-range"):
            etag = call.exchange.request_headers.get(name, "")
            source = self._journey.source_of_etag(call.path, etag)
            if source is not None and etag not in self._curl.variables:
                command = self._curl.command(source, "-o /dev/null -D -")
                variable = self._curl.new_variable("ETAG", etag)
                self._lines.append(f"{variable.name}=$({command} | {_ETAG})")


def _first(member: str) -> str:
    """Return what gives the first string of this name in a JSON text."""
    return f"""grep -o '"{member}" *: *"[^"]*"' | sed -n '1s/.*"\\([^"]*\\)"$/\\1/p'"""


def _made_visible(call: Call) -> str:
    """Return the end of a pipe that shows bytes which a terminal would not show."""
    text = call.exchange.content.decode("utf-8", "replace")
    hidden = any(not letter.isprintable() and letter not in "\n\t" for letter in text)
    return " | sed -n l" if hidden else ""
