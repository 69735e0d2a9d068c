"""Array jobs: one of which each task tells what it saw, and one of which each task ends in its own way."""

from __future__ import annotations

from common_compute_conformance.errors import NotApplicable
from common_compute_conformance.specimens.recipes import Body, Occasion, inline, recipe, script

PARAMETERS = (
    {"WORD": "alpha", "NEXT": "{{WORD}}"},
    {"WORD": "be ta", "NEXT": "{{CC_TASK_INDEX}}"},
    {"WORD": "$x'\"\n,;%s", "NEXT": "größe"},
)
KILLED = "KILL"
WITHOUT_OUTPUT = 1
"""The index of the task that exits with 0 and does not write what it has to: the lowest that fails."""


def array_tasks(occasion: Occasion, wanted: int) -> int:
    """Return how many tasks an array has here that is to have so many."""
    if not occasion.target.claims("arrays"):
        raise NotApplicable("the facility does not claim arrays")
    return min(wanted, int(occasion.target.limits["max_array_tasks"]))


def exit_codes(occasion: Occasion) -> tuple[str, ...]:
    """Return what the tasks of the array `exits` end with, by index: a code, or KILL for that signal."""
    codes = ("0", "0", *(str(code) for code in occasion.budget.exit_codes if code), KILLED)
    return codes[: array_tasks(occasion, len(codes))]


@recipe("parameters")
def _parameters(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        'at_start=$(printf "%s/" *); '
        'printf "%s\\0" "$at_start" "$CC_TASK_INDEX" "$CC_TASK_COUNT" "$WORD" "$NEXT" "$MIXED" "$@" '
        '> "out-$CC_TASK_INDEX.seen"; printf "task %s" "$CC_TASK_INDEX"',
        "{{WORD}}",
        "{{NEXT}}",
        "{{CC_TASK_INDEX}}/{{CC_TASK_COUNT}}",
        "{{ WORD }}",
        "{WORD}",
        "{{WORD}}{{NEXT}}",
        environment={"MIXED": "<{{WORD}}>"},
        inputs=[inline("in-{{CC_TASK_INDEX}}.txt", b"an input")],
        outputs=[{"path": "out-{{CC_TASK_INDEX}}.seen"}],
        array={"parameters": list(PARAMETERS[: array_tasks(occasion, len(PARAMETERS))])},
    )


@recipe("exits")
def _exits(occasion: Occasion) -> Body:
    codes = exit_codes(occasion)
    return script(
        occasion.target,
        f'[ "$CC_TASK_INDEX" = {WITHOUT_OUTPUT} ] || printf "%s" "$CC_TASK_INDEX" > index.seen; '
        'shift "$CC_TASK_INDEX"; if [ "$1" = KILL ]; then kill -KILL $$; exit 137; fi; exit "$1"',
        *codes,
        outputs=[{"path": "index.seen"}],
        array={"count": len(codes)},
    )
