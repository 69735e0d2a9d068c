"""Jobs that go on until they are cancelled."""

from __future__ import annotations

from common_compute_conformance.specimens.arrays import array_tasks
from common_compute_conformance.specimens.recipes import Body, Occasion, job, recipe, script

LONG_FIRST = "the first line\n"
LONG_SECONDS = 300
LONG_PARTIAL = "written before the end"

_ENOUGH_SECONDS = LONG_SECONDS + 60


def _lasts(occasion: Occasion) -> Body:
    """Return the resources of a job that lasts, where the facility's default would end it before."""
    default = occasion.target.resource("wall_time_seconds").get("default", _ENOUGH_SECONDS)
    if int(default) >= _ENOUGH_SECONDS:
        return {}
    return {"resources": {"wall_time_seconds": occasion.most("wall_time_seconds", _ENOUGH_SECONDS)}}


@recipe("long")
def _long(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        f'printf "{LONG_FIRST[:-1]}\\n"; printf "{LONG_PARTIAL}" > partial.seen; sleep {LONG_SECONDS}; '
        'printf "never reached\\n"',
        outputs=[{"path": "partial.seen"}],
        **_lasts(occasion),
    )


@recipe("silent")
def _silent(occasion: Occasion) -> Body:
    return job(occasion.target, "sleep", str(LONG_SECONDS), **_lasts(occasion))


@recipe("long-array")
def _long_array(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        # Where there are others, the first task fails at once.
        f'if [ "$CC_TASK_COUNT" -gt 1 ] && [ "$CC_TASK_INDEX" = 0 ]; then exit 7; fi; sleep {LONG_SECONDS}',
        array={"count": array_tasks(occasion, 2)},
        **_lasts(occasion),
    )
