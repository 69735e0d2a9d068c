"""Lay inputs down in another way than they were sent."""

from __future__ import annotations

import base64
from typing import Any

from common_compute_mutants.registry import wraps
from common_compute_mutants.verbs import AltersInputs

Input = dict[str, Any]
_KIB = 1024


class _AltersContents(AltersInputs):
    """Give each inline input the bytes that `content` makes of its own."""

    def inputs(self, inputs: list[Input]) -> list[Input]:
        """Alter the bytes."""
        return [self._altered(entry) for entry in inputs]

    def _altered(self, entry: Input) -> Input:
        content = self.content(base64.b64decode(entry["source"]["content_base64"]))
        return {**entry, "source": {"kind": "inline", "content_base64": base64.b64encode(content).decode()}}

    def content(self, content: bytes) -> bytes:
        """Make the other bytes."""
        raise NotImplementedError


@wraps("CC-JOB-009")
class EndInputsWithALineFeed(_AltersContents):
    """An input that does not end with a line feed is given one."""

    def content(self, content: bytes) -> bytes:
        """Add it."""
        return content if content.endswith(b"\n") else content + b"\n"


@wraps("CC-JOB-009")
class ReadInputsAsText(_AltersContents):
    """Bytes of an input that are no UTF-8 arrive as U+FFFD."""

    def content(self, content: bytes) -> bytes:
        """Replace them."""
        return content.decode("utf-8", "replace").encode()


@wraps("CC-JOB-009")
class EndInputsAtNul(_AltersContents):
    """An input ends at its first NUL."""

    def content(self, content: bytes) -> bytes:
        """Cut."""
        return content.partition(b"\0")[0]


@wraps("CC-JOB-009")
class NormaliseLineEnds(_AltersContents):
    """A carriage return before a line feed is gone from an input."""

    def content(self, content: bytes) -> bytes:
        """Take it away."""
        return content.replace(b"\r\n", b"\n")


@wraps("CC-JOB-009")
class CutLargeInputs(_AltersContents):
    """An input of more than 32 KiB is cut there."""

    def content(self, content: bytes) -> bytes:
        """Cut."""
        return content[: 32 * _KIB]


@wraps("CC-JOB-009")
class DropEmptyInputs(AltersInputs):
    """An input without bytes is not there."""

    def inputs(self, inputs: list[Input]) -> list[Input]:
        """Drop."""
        return [entry for entry in inputs if entry["source"]["content_base64"]]


@wraps("CC-JOB-009")
class MakeNothingExecutable(AltersInputs):
    """An input that is to be executed cannot be."""

    def inputs(self, inputs: list[Input]) -> list[Input]:
        """Take the bit off."""
        return [{**entry, "executable": False} for entry in inputs]


@wraps("CC-JOB-009")
class MakeNoDirectories(AltersInputs):
    """Inputs lie in the working directory under their last segment, without their directories."""

    def inputs(self, inputs: list[Input]) -> list[Input]:
        """Flatten."""
        return [{**entry, "path": entry["path"].rpartition("/")[2]} for entry in inputs]


@wraps("CC-JOB-009")
class FillBlanksInNames(AltersInputs):
    """A blank in an input's path becomes an underscore."""

    def inputs(self, inputs: list[Input]) -> list[Input]:
        """Replace."""
        return [{**entry, "path": entry["path"].replace(" ", "_")} for entry in inputs]


@wraps("CC-JOB-009")
class WriteNamesInAscii(AltersInputs):
    """Characters beyond ASCII in an input's path become question marks."""

    def inputs(self, inputs: list[Input]) -> list[Input]:
        """Replace."""
        return [{**entry, "path": entry["path"].encode("ascii", "replace").decode()} for entry in inputs]


@wraps("CC-JOB-009")
class DropHiddenInputs(AltersInputs):
    """An input whose name begins with a dot is not there."""

    def inputs(self, inputs: list[Input]) -> list[Input]:
        """Drop."""
        return [entry for entry in inputs if not entry["path"].rpartition("/")[2].startswith(".")]
