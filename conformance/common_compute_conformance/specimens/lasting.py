"""Jobs that go on until they are cancelled."""

from __future__ import annotations

from common_compute_conformance.specimens.arrays import array_tasks
from common_compute_conformance.specimens.recipes import Body, Occasion, job, recipe, script

LONG_FIRST = "the first line\n"
LONG_SECONDS = 300
LONG_PARTIAL = "written before the end"


@recipe("long")
def _long(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        f'printf "{LONG_FIRST[:-1]}\\n"; printf "{LONG_PARTIAL}" > partial.seen; sleep {LONG_SECONDS}; '
        'printf "never reached\\n"',
        outputs=[{"path": "partial.seen"}],
    )


@recipe("silent")
def _silent(occasion: Occasion) -> Body:
    return job(occasion.target, "sleep", str(LONG_SECONDS))


@recipe("long-array")
def _long_array(occasion: Occasion) -> Body:
    return job(occasion.target, "sleep", str(LONG_SECONDS), array={"count": array_tasks(occasion, 2)})
