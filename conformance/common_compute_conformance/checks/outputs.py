"""Check which files an output's pattern gives."""

from __future__ import annotations

from common_compute_conformance.registry import check
from common_compute_conformance.specimens.files import MATCHED
from common_compute_conformance.trial import Trial


def _matched(trial: Trial) -> dict[str, set[str]]:
    """Return the paths of the results below glob/, by what follows the last dot."""
    found: dict[str, set[str]] = {name: set() for name in MATCHED}
    for result in trial.workbench.results("files"):
        path = str(result["path"])
        if path.startswith("glob/"):
            found.setdefault(path.rpartition(".")[2], set()).add(path)
    return found


def _gives(trial: Trial, *kinds: str) -> None:
    trial.workbench.succeeded("files")
    found = _matched(trial)
    for kind in kinds:
        trial.equal(sorted(MATCHED[kind]), sorted(found[kind]), f"the results that end in .{kind}")
        trial.witness(f"{', '.join(sorted(found[kind]))}, and nothing else in .{kind}")


@check("CC-RES-005", specimens=("files",))
def patterns_match(trial: Trial) -> None:
    """CC-RES-005: `*`, `?`, `[abc]`, `[!abc]` in one segment, `**` over any number."""
    _gives(trial, "one", "two", "three", "four", "case")
    found = _matched(trial)["five"]
    plain = {path for path in MATCHED["five"] if "/." not in path}
    trial.require(plain <= found, f"glob/**/*.five gives {sorted(found)}, without {sorted(plain - found)}")
    below = {
        str(each["path"]) for each in trial.workbench.results("files") if str(each["path"]).startswith("all/")
    }
    trial.equal({"all/b.six", "all/sub/c.six", "all/sub/seed"}, below, "what all/** gives")
    trial.witness("** gives files at any depth, also as the last segment")


@check("CC-RES-006", specimens=("files",))
def dots_need_a_dot(trial: Trial) -> None:
    """CC-RES-006: names with a dot first are results only if the pattern has that dot."""
    _gives(trial, "five", "seven", "eight", "nine")


@check("CC-RES-007", specimens=("files",))
def links_are_not_followed(trial: Trial) -> None:
    """CC-RES-007: symbolic links are never followed, neither to a file nor to a directory."""
    trial.workbench.succeeded("files")
    if trial.workbench.content("files", "links.seen") != b"yes":
        trial.not_applicable("the probe's software has no ln with which to make a symbolic link")
    _gives(trial, "ten", "five")


@check("CC-RES-002", specimens=("files",))
def no_result_comes_twice(trial: Trial) -> None:
    """CC-RES-002: each file is one result, with an id of its own."""
    results = trial.workbench.results("files")
    paths = [each["path"] for each in results]
    trial.equal(len(paths), len(set(paths)), "the number of different paths")
    trial.equal(len(paths), len({each["id"] for each in results}), "the number of different ids")
    trial.witness(f"{len(paths)} results, each once")
