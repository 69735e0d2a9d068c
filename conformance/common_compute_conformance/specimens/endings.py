"""Jobs that end otherwise than well."""

from __future__ import annotations

from common_compute_conformance.errors import NotApplicable
from common_compute_conformance.specimens.recipes import Body, Occasion, job, recipe, script

OWN_VARIABLES = {"LANG": "eo_XX.certification", "PATH": "/certification", "TMPDIR": "/certification/tmp"}
"""What a job sets itself, as no facility does."""
SINGLE_CODES = (77, 126, 255)
"""The exit codes that are tried one by one where there are no arrays, or short ones only."""

_ENOUGH_TASKS = 8
_COARSEST_SECONDS = 300


@recipe("exit-nonzero")
def _exit_nonzero(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        'printf "%s\\0" "$LANG" "$PATH" "$TMPDIR" > kept.seen; printf more > more.seen; exit 3',
        environment=dict(OWN_VARIABLES),
        outputs=[{"path": "kept.seen"}, {"path": "more.seen"}, {"path": "absent.seen"}],
    )


@recipe("signal")
def _signal(occasion: Occasion) -> Body:
    # A shell that is the first process of a container survives its own signal: then 143 is what 128 + 15
    # would be.
    return script(
        occasion.target,
        "printf kept > kept.seen; kill -TERM $$; exit 143",
        outputs=[{"path": "kept.seen"}],
    )


@recipe("no-command")
def _no_command(occasion: Occasion) -> Body:
    return job(occasion.target, "/nonexistent/no-such-program", "x")


@recipe("output-missing")
def _output_missing(occasion: Occasion) -> Body:
    return job(occasion.target, "printf", "%s", "done", outputs=[{"path": "absent.seen"}])


@recipe("over-time")
def _over_time(occasion: Occasion) -> Body:
    if occasion.target.resource("wall_time_seconds")["support"] != "enforced":
        raise NotApplicable("the facility does not enforce wall_time_seconds")
    granularity = int(occasion.target.resource("wall_time_seconds").get("granularity", 1))
    if granularity > _COARSEST_SECONDS:
        raise NotApplicable(f"the facility counts wall time in steps of {granularity} s")
    seconds = str(granularity + _COARSEST_SECONDS)
    return job(occasion.target, "sleep", seconds, resources={"wall_time_seconds": 1})


def single(code: int) -> str:
    """Return the name of the specimen that exits with a code."""
    return f"exit-{code}"


def _exits_with(code: int) -> None:
    @recipe(single(code))
    def _exit(occasion: Occasion) -> Body:
        tasks = int(occasion.target.limits["max_array_tasks"])
        if occasion.target.claims("arrays") and tasks >= _ENOUGH_TASKS:
            raise NotApplicable("the exit codes are those of an array's tasks")
        return script(occasion.target, f"exit {code}")


for _code in SINGLE_CODES:
    _exits_with(_code)
