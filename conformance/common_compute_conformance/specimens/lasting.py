"""Jobs that go on until they are cancelled."""

from __future__ import annotations

from math import ceil

from common_compute_conformance.specimens.arrays import array_tasks
from common_compute_conformance.specimens.recipes import Body, Occasion, job, recipe, script

LONG_FIRST = "the first line\n"
LONG_PARTIAL = "written before the end"

_LEAST_SECONDS = 300
_MARGIN_SECONDS = 60


def lasting_seconds(occasion: Occasion) -> int:
    """Return how long such a job goes on by itself: longer than here a cancelled one may take to end."""
    longest = occasion.pace.longest_cancel + occasion.target.cancel_grace_seconds
    return max(_LEAST_SECONDS, ceil(longest) + _MARGIN_SECONDS)


def _lasts(occasion: Occasion) -> Body:
    """Return the resources of a job that lasts, where the facility's default would end it before."""
    enough = lasting_seconds(occasion) + _MARGIN_SECONDS
    if int(occasion.target.resource("wall_time_seconds").get("default", enough)) >= enough:
        return {}
    return {"resources": {"wall_time_seconds": occasion.most("wall_time_seconds", enough)}}


@recipe("long")
def _long(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        f'printf "{LONG_FIRST[:-1]}\\n"; printf "{LONG_PARTIAL}" > partial.seen; '
        f'sleep {lasting_seconds(occasion)}; printf "never reached\\n"',
        outputs=[{"path": "partial.seen"}],
        **_lasts(occasion),
    )


@recipe("silent")
def _silent(occasion: Occasion) -> Body:
    return job(occasion.target, "sleep", str(lasting_seconds(occasion)), **_lasts(occasion))


@recipe("long-array")
def _long_array(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        # Where there are others, the first task fails at once.
        f'if [ "$CC_TASK_COUNT" -gt 1 ] && [ "$CC_TASK_INDEX" = 0 ]; then exit 7; fi; '
        f"sleep {lasting_seconds(occasion)}",
        array={"count": array_tasks(occasion, 2)},
        **_lasts(occasion),
    )
