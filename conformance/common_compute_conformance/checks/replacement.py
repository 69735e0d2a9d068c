"""Check what a task of an array sees: its index, its parameters, and replaced placeholders."""

from __future__ import annotations

from common_compute_conformance.registry import check
from common_compute_conformance.specimens.arrays import PARAMETERS
from common_compute_conformance.trial import Trial

# What the specimen writes, each part with a NUL behind it, in this order.
_PARTS = (
    "at_start", "index", "count", "word", "next", "mixed",
    "argument_word", "argument_next", "argument_index", "blanks", "single", "both",
)  # fmt: skip


def _seen(trial: Trial) -> list[dict[str, str]]:
    trial.workbench.succeeded("parameters")
    count = min(len(PARAMETERS), int(trial.target.limits["max_array_tasks"]))
    seen = []
    for index in range(count):
        content = trial.workbench.content("parameters", f"out-{index}.seen", index)
        parts = content.decode("utf-8", "replace").removesuffix("\0").split("\0")
        trial.equal(len(_PARTS), len(parts), f"the number of parts that task {index} wrote")
        seen.append(dict(zip(_PARTS, parts, strict=True)))
    return seen


@check("CC-TASK-003", specimens=("parameters",))
def tasks_know_who_they_are(trial: Trial) -> None:
    """CC-TASK-003: each task has its index, the number of tasks and a directory of its own."""
    seen = _seen(trial)
    for index, parts in enumerate(seen):
        trial.equal(
            (str(index), str(len(seen))), (parts["index"], parts["count"]), f"index and count of task {index}"
        )
        trial.equal(
            f"in-{index}.txt/", parts["at_start"], f"what lay in the directory of task {index} at its start"
        )
        trial.witness(f"task {parts['index']} of {parts['count']}, alone with its input")


@check("CC-TASK-004", specimens=("parameters",))
def tasks_have_their_parameters(trial: Trial) -> None:
    """CC-TASK-004: each task has its own parameters as environment variables."""
    for index, parts in enumerate(_seen(trial)):
        wanted = PARAMETERS[index]
        trial.equal(
            (wanted["WORD"], wanted["NEXT"]), (parts["word"], parts["next"]), f"the variables of task {index}"
        )
        trial.witness(f"task {index}: WORD={parts['word']} NEXT={parts['next']}")


@check("CC-TASK-005", specimens=("parameters",))
def placeholders_are_replaced(trial: Trial) -> None:
    """CC-TASK-005: placeholders are replaced in command, environment, and paths of inputs and outputs."""
    seen = _seen(trial)
    for index, parts in enumerate(seen):
        word = PARAMETERS[index]["WORD"]
        trial.equal(word, parts["argument_word"], f"{{{{WORD}}}} in the command of task {index}")
        trial.equal(
            f"{index}/{len(seen)}", parts["argument_index"], f"index and count in the command of task {index}"
        )
        trial.equal(f"<{word}>", parts["mixed"], f"{{{{WORD}}}} in the environment of task {index}")
        trial.equal(f"in-{index}.txt/", parts["at_start"], f"the path of the input of task {index}")
        trial.witness(f"task {index}: {word!r} in command and environment, {index} in the paths")


@check("CC-TASK-006", specimens=("parameters",))
def replacements_are_not_scanned_again(trial: Trial) -> None:
    """CC-TASK-006: what a replacement brings in is not scanned again, and other braces stay."""
    for index, parts in enumerate(_seen(trial)):
        wanted = PARAMETERS[index]
        trial.equal(wanted["NEXT"], parts["argument_next"], f"{{{{NEXT}}}} in the command of task {index}")
        trial.equal(
            wanted["WORD"] + wanted["NEXT"], parts["both"], f"two placeholders in the command of task {index}"
        )
        trial.equal("{{ WORD }}", parts["blanks"], "braces with blanks inside")
        trial.equal("{WORD}", parts["single"], "single braces")
        trial.witness(f"task {index}: {parts['argument_next']!r} and {parts['blanks']!r} stayed as they came")
