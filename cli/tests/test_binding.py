"""Templates: what is bound, what is left alone, and what is refused."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from common_compute_cli.binding import bind
from common_compute_cli.errors import WrongUsage


def coded(content: bytes) -> str:
    """Give base64."""
    return base64.b64encode(content).decode()


def test_names_are_bound_wherever_they_stand(tmp_path: Path) -> None:
    """`${NAME}` is replaced in every string, and in no key and no number."""
    template = {"a": "${X}-${Y}", "b": ["${X}", 1, None], "${X}": {"c": True}}
    assert {"a": "1-2", "b": ["1", 1, None], "${X}": {"c": True}} == bind(
        template, {"X": "1", "Y": "2"}, tmp_path
    )


def test_what_is_bound_is_not_looked_at_again(tmp_path: Path) -> None:
    """A value that looks like a placeholder stays as it is."""
    assert "${Y}" == bind("${X}", {"X": "${Y}", "Y": "2"}, tmp_path)


def test_the_placeholders_of_the_contract_are_left_alone(tmp_path: Path) -> None:
    """`{{NAME}}` is for the server, and a shell's own `$name` for the shell."""
    text = "{{POOL}} $name $(date) ${name}"
    assert text == bind(text, {"POOL": "x"}, tmp_path)


def test_a_file_is_bound_byte_for_byte(tmp_path: Path) -> None:
    """`${FILE:path}` is the base64 of a file beside the template."""
    (tmp_path / "data.bin").write_bytes(b"\x00\xff\n")
    assert coded(b"\x00\xff\n") == bind("${FILE:data.bin}", {}, tmp_path)


@pytest.mark.parametrize("template", ["${X}", "${FILE:missing}", "${RESULT:a}", "${INDEX}"])
def test_a_placeholder_without_a_value_is_refused(template: str, tmp_path: Path) -> None:
    """Nothing that looks like a placeholder is sent."""
    with pytest.raises(WrongUsage):
        bind({"inputs": [{"path": template}]}, {"Y": "1"}, tmp_path)


def test_an_input_of_results_is_repeated_for_every_task_that_has_one(tmp_path: Path) -> None:
    """One input per task with a result of the path, in the order of the indices; the other inputs stay."""
    template = {
        "inputs": [
            {"path": "plot.py"},
            {"path": "p/${INDEX}.json", "source": {"content_base64": "${RESULT:period.json}", "of": "${X}"}},
        ]
    }
    results = {10: {"period.json": b"ten"}, 2: {"period.json": b"two"}, 3: {"other.json": b"no"}}
    assert {
        "inputs": [
            {"path": "plot.py"},
            {"path": "p/2.json", "source": {"content_base64": coded(b"two"), "of": "x"}},
            {"path": "p/10.json", "source": {"content_base64": coded(b"ten"), "of": "x"}},
        ]
    } == bind(template, {"X": "x"}, tmp_path, results)
