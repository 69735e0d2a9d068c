"""Take other files for results than the patterns of the outputs say."""

from __future__ import annotations

import re

from common_compute_mutants.registry import wraps
from common_compute_mutants.verbs import AltersSpecifications, MatchesOtherwise, Spec, shell

_EVERYWHERE = "* */* */*/*"


@wraps("CC-RES-005")
class LetStarsCrossSegments(MatchesOtherwise):
    """A `*` matches across directories."""

    def matches(self, pattern: str, path: str) -> bool:
        """Match `*` as `**` where it ends a path."""
        return super().matches(pattern, path) or (
            pattern.rpartition("/")[2].startswith("*.")
            and super().matches(f"{pattern.rpartition('/')[0]}/**/{pattern.rpartition('/')[2]}", path)
        )


@wraps("CC-RES-005")
class LetQuestionMarksBeNothing(MatchesOtherwise):
    """A `?` matches no or one character."""

    def matches(self, pattern: str, path: str) -> bool:
        """Match it as `*` in names of at most two letters before the dot."""
        return super().matches(pattern, path) or (
            "?" in pattern and super().matches(pattern.replace("?", "??"), path)
        )


@wraps("CC-RES-005")
class NegateNothing(MatchesOtherwise):
    """`[!ab]` matches what `[ab]` does."""

    def matches(self, pattern: str, path: str) -> bool:
        """Forget the sign."""
        return super().matches(pattern.replace("[!", "["), path)


@wraps("CC-RES-005")
class TakeBracketsAsTheyStand(MatchesOtherwise):
    """`[ab]` matches nothing but itself."""

    def matches(self, pattern: str, path: str) -> bool:
        """Compare."""
        return path == pattern if "[" in pattern else super().matches(pattern, path)


@wraps("CC-RES-005")
class WantADirectoryForTwoStars(MatchesOtherwise):
    """`**` matches one directory or more, and never none."""

    def matches(self, pattern: str, path: str) -> bool:
        """Want one."""
        return super().matches(pattern.replace("**/", "*/**/"), path)


@wraps("CC-RES-005")
class LookOneDirectoryDown(MatchesOtherwise):
    """`**` matches one directory at most."""

    def matches(self, pattern: str, path: str) -> bool:
        """Compare the depths."""
        deep = path.count("/") > pattern.count("/")
        return super().matches(pattern, path) and not ("**" in pattern and deep)


@wraps("CC-RES-005")
class EndWithOneStar(MatchesOtherwise):
    """A `**` at the end matches what lies in that directory, and not below it."""

    def matches(self, pattern: str, path: str) -> bool:
        """Read it as one star."""
        return super().matches(re.sub(r"\*\*$", "*", pattern), path)


@wraps("CC-RES-005")
class MatchInAnyCase(MatchesOtherwise):
    """An output's path matches without regard to case."""

    def matches(self, pattern: str, path: str) -> bool:
        """Compare in lower case."""
        return super().matches(pattern.lower(), path.lower())


@wraps("CC-RES-006")
class ShowHiddenFiles(MatchesOtherwise):
    """A `*` matches a name that begins with a dot."""

    def matches(self, pattern: str, path: str) -> bool:
        """Take the dot off the name."""
        head, _, name = path.rpartition("/")
        visible = f"{head}/{name.lstrip('.')}" if head else name.lstrip(".")
        return super().matches(pattern, path) or super().matches(pattern, visible)


@wraps("CC-RES-006")
class LookIntoHiddenDirectories(MatchesOtherwise):
    """`**` goes through directories whose names begin with a dot."""

    def matches(self, pattern: str, path: str) -> bool:
        """Take the dots off the directories."""
        head, slash, name = path.rpartition("/")
        visible = re.sub(r"(^|/)\.", r"\1", head) + slash + name
        return super().matches(pattern, path) or ("**" in pattern and super().matches(pattern, visible))


@wraps("CC-RES-006")
class HideWhatIsAskedFor(MatchesOtherwise):
    """A file whose name begins with a dot is never a result, also if the pattern has that dot."""

    def matches(self, pattern: str, path: str) -> bool:
        """Refuse it."""
        return super().matches(pattern, path) and not path.rpartition("/")[2].startswith(".")


@wraps("CC-RES-006")
class HideWhatLiesInHiding(MatchesOtherwise):
    """A file below a hidden directory is never a result, also if the pattern has that dot."""

    def matches(self, pattern: str, path: str) -> bool:
        """Refuse it."""
        return super().matches(pattern, path) and "/." not in f"/{path.rpartition('/')[0]}"


@wraps("CC-RES-007")
class FollowLinksToFiles(AltersSpecifications):
    """A symbolic link to a file is collected as the file that it leads to."""

    def altered(self, spec: Spec) -> Spec:
        """Put copies in the place of links when the command has ended."""
        script = f"""
"$@"; code=$?
for link in {_EVERYWHERE}
do if [ -h "$link" ] && [ -f "$link" ]; then cat "$link" > .copy; rm "$link"; mv .copy "$link"; fi
done
exit $code"""
        return {**spec, "command": shell(script, list(spec["command"]))}


@wraps("CC-RES-007")
class FollowLinksToDirectories(AltersSpecifications):
    """What lies in a directory that a symbolic link leads to is collected there as well."""

    def altered(self, spec: Spec) -> Spec:
        """Put a copy of the directory's files in the place of the link when the command has ended."""
        script = f"""
"$@"; code=$?
for link in {_EVERYWHERE}
do if [ -h "$link" ] && [ -d "$link" ]
  then mkdir .copies; for file in "$link"/*; do if [ -f "$file" ]; then cp "$file" .copies; fi; done
    rm "$link"; mv .copies "$link"; fi
done
exit $code"""
        return {**spec, "command": shell(script, list(spec["command"]))}
