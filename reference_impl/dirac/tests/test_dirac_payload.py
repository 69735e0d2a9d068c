"""The program that runs a task on a worker, run here: from a part's sandbox to the output that is read again."""

from __future__ import annotations

import ast
import base64
import io
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common_compute_dirac.describe import Facts
from common_compute_dirac.packing import TooLarge
from common_compute_dirac.payload.results import read_regular
from common_compute_dirac.settings import Software

pytestmark = pytest.mark.real

HOSTILE = [
    "a b",
    '"',
    "'",
    "$HOME",
    "`id`",
    "\n",
    "%n",
    "%s",
    "é☃\U0001f600",
    "",
    "-n",
    "\\",
    "*",
    "; rm",
    "\x01",
]


def shell(text: str, **more: Any) -> dict[str, Any]:
    """Give a job that runs a line of shell."""
    return {"command": ["sh", "-c", text], **more}


def has_ended(number: bytes) -> bool:
    """Tell whether a process runs no more; nobody may have buried it yet."""
    status = Path(f"/proc/{number.decode().strip()}/stat")
    return not status.exists() or " Z " in status.read_text()


def inline(path: str, content: bytes, **more: Any) -> dict[str, Any]:
    """Give an input."""
    source = {"kind": "inline", "content_base64": base64.b64encode(content).decode()}
    return {"path": path, "source": source, **more}


def test_argv_arrives_byte_for_byte(worker: Any) -> None:
    """No shell, JDL or DIRAC comes between a command and its arguments."""
    left = worker.run({"command": ["printf", "%s\\0", *HOSTILE]})
    assert HOSTILE == left.logs["stdout"].decode().split("\0")[:-1]
    assert ("exit", 0, b"") == (left.outcome.how, left.outcome.number, left.logs["stderr"])


def test_the_environment_is_the_job_s_and_nothing_else(worker: Any) -> None:
    """Values arrive byte for byte; nothing of the worker's is inherited; home and scratch can be written."""
    values = {f"V{n}": value for n, value in enumerate(HOSTILE)}
    left = worker.run({"command": ["env", "-0"], "environment": values})
    found = dict(line.split("=", 1) for line in left.logs["stdout"].decode().split("\0")[:-1])
    assert values.items() <= found.items()
    ours = {"CC_JOB_ID": "job", "CC_TASK_INDEX": "0", "CC_TASK_COUNT": "1"}
    assert ours.items() <= found.items()
    assert {"PATH", "LANG", "HOME", "TMPDIR"} == set(found) - set(values) - set(ours)
    left = worker.run(shell('[ "$PWD" = "$HOME" ] && echo x >"$HOME/a" && echo x >"$TMPDIR/a"'))
    assert ("exit", 0) == (left.outcome.how, left.outcome.number)


def test_each_task_of_an_array_is_its_own(worker: Any) -> None:
    """The place that DIRAC gives, with its zeros, picks the task; parameters are in place in command and paths."""
    spec = {
        "command": ["sh", "-c", 'cat "in.$N"; echo "$1 $N" >out.{{N}}', "sh", "{{N}}"],
        "inputs": [inline("in.{{N}}", b"shared")],
        "outputs": [{"path": "out.{{N}}"}],
        "array": {"parameters": [{"N": f"p{n}"} for n in range(12)]},
    }
    left = worker.run(spec, place="07", count=12)
    assert ({"out.p7": b"p7 p7\n"}, b"shared") == (left.results, left.logs["stdout"])


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (shell("exit 7"), ("exit", 7)),
        (shell("exit 255"), ("exit", 255)),
        (shell("kill -9 $$"), ("signal", 9)),
        (shell("kill -15 $$"), ("signal", 15)),
        ({"command": ["no-such-command"]}, ("not-found", 127)),
        ({"command": ["./no-such-file"]}, ("not-found", 127)),
        ({"command": ["/etc/passwd"]}, ("not-found", 126)),
    ],
)
def test_how_a_command_ends(worker: Any, spec: dict[str, Any], expected: tuple[str, int]) -> None:
    """Exit codes, signals and commands that are not there are told apart."""
    left = worker.run(spec)
    assert expected == (left.outcome.how, left.outcome.number)


def test_inputs_are_there_as_they_were(worker: Any) -> None:
    """Bytes, folders and the right to run them; a script without an interpreter line is the shell's."""
    binary = bytes(range(256))
    spec = {
        "command": ["./d/run"],
        "inputs": [inline("d/run", b"cmp d/e/data copy && cat d/e/data", executable=True)],
        "outputs": [],
    }
    spec["inputs"] += [inline("d/e/data", binary), inline("copy", binary)]
    left = worker.run(spec)
    assert (("exit", 0), binary) == ((left.outcome.how, left.outcome.number), left.logs["stdout"])


def test_streams_stay_apart(worker: Any) -> None:
    """Both come home as they were written, cut at the limit for logs."""
    left = worker.run(shell("printf '\\377out'; printf err >&2; exit 1"))
    assert (b"\xffout", b"err") == (left.logs["stdout"], left.logs["stderr"])
    left = worker.run(shell("head -c 3000 /dev/zero"), max_log_bytes=1000)
    assert bytes(1000) == left.logs["stdout"]


def test_results_are_regular_files_that_a_rule_means(worker: Any) -> None:
    """No link is followed, no pipe read, no hidden file taken; odd names are shown."""
    text = """
    mkdir -p d/e .hidden && echo 1 >a.csv && echo 2 >d/b.csv && echo 3 >d/e/c.csv && echo 4 >.x.csv && echo 5 >no.txt
    ln -s /etc/passwd link.csv && ln -s d linked && mkfifo pipe.csv && echo 6 >"$(printf 'bad\\377.csv')"
    ln a.csv hard.csv && echo 7 >'new
line.csv'
    """
    rules = [{"path": "**/*.csv"}, {"path": "*.csv"}]
    left = worker.run(shell(text, outputs=rules))
    assert {
        "a.csv": b"1\n",
        "d/b.csv": b"2\n",
        "d/e/c.csv": b"3\n",
        "hard.csv": b"1\n",
        "bad%FF.csv": b"6\n",
        "new\nline.csv": b"7\n",
    } == left.results
    assert () == left.lost
    assert {} == worker.run(shell("echo 1 >a.csv")).results


def test_a_file_that_became_something_else_is_not_read(tmp_path: Path) -> None:
    """What was a file when it was listed may be a link or a pipe when it is read."""
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert b"1234" == read_regular(bytes(tmp_path / "file"), 4)
    for name, most in (("file", 3), ("link", 4), ("pipe", 4), ("none", 4), (".", 4)):
        assert read_regular(bytes(tmp_path / name), most) is None


def test_results_that_are_too_large_are_told(worker: Any) -> None:
    """What does not fit is named, what fits comes home."""
    text = "head -c 2000 /dev/zero >a; head -c 9000 /dev/zero >b; head -c 2000 /dev/zero >c"
    left = worker.run(shell(text, outputs=[{"path": "*"}]), max_results_bytes=5000)
    assert {"a": bytes(2000), "c": bytes(2000)} == left.results
    (words,) = left.lost
    assert words.startswith("b cannot be read, or is too much for the 5000 bytes")


def test_the_wall_time_holds(worker: Any) -> None:
    """A command that will not end is killed with all that it has started."""
    started = time.monotonic()
    left = worker.run(
        shell('trap "" TERM; (sleep 4711 & echo $!); sleep 4712', resources={"wall_time_seconds": 1})
    )
    assert time.monotonic() - started < 60
    assert "wall-time" == left.outcome.how
    assert has_ended(left.logs["stdout"])


def test_what_a_command_leaves_behind_is_ended(worker: Any) -> None:
    """A process in the background does not outlive the task, nor keep its logs open."""
    left = worker.run(shell("sleep 4713 & echo $!"))
    assert ("exit", 0) == (left.outcome.how, left.outcome.number)
    assert has_ended(left.logs["stdout"])


def set_up(tmp_path: Path, text: str) -> Software:
    """Give software with such a set-up script."""
    script = tmp_path / "setup it's.sh"
    script.write_text(text)
    return Software("tool", "1", True, str(script))


def test_software_is_set_up_under_the_job_s_environment(worker: Any, tmp_path: Path) -> None:
    """What the script exports is there, its words are in the log of errors, and the job's own values win."""
    software = set_up(tmp_path, 'echo hello; export A="x\ny" B=1; PATH="$PATH:/tool"; C=not-exported\n')
    left = worker.run(shell('echo "$A|$B|$C|$PATH"', environment={"B": "2"}), software)
    assert b"x\ny|2||/usr/local/bin:/usr/bin:/bin:/tool\n" == left.logs["stdout"]
    assert b"hello\n" == left.logs["stderr"]


@pytest.mark.parametrize("text", ["exit 1", "false", None])
def test_software_that_cannot_be_set_up_is_told(worker: Any, tmp_path: Path, text: str | None) -> None:
    """The command does not run."""
    software = set_up(tmp_path, text or "")
    if text is None:
        Path(software.setup).unlink()
    left = worker.run(shell("echo ran"), software)
    assert ("software", b"") == (left.outcome.how, left.logs["stdout"])
    assert "could not be read on this worker" in left.outcome.words


def test_what_a_stopped_payload_has_comes_home(worker: Any, tmp_path: Path) -> None:
    """A payload that DIRAC tells to end ends its command, and leaves what there is."""
    text = "echo begun; kill -TERM $(cut -d' ' -f4 /proc/$$/stat); sleep 4714"
    left = worker.run(shell(text))
    assert (("signal", 15), b"begun\n") == ((left.outcome.how, left.outcome.number), left.logs["stdout"])


def test_without_python_the_reason_is_told(worker: Any, tmp_path: Path) -> None:
    """The launcher says what the worker lacks, and leaves DIRAC a clean end."""
    name = "cc-launch.sh"
    slot = tmp_path / "bare"
    slot.mkdir()
    (slot / name).write_bytes(base64.b64decode(worker.files(shell("true"))[name]))
    text = (slot / name).read_text().replace("/usr/bin/python3", "/nonexistent/python3")
    dash = shutil.which("sh")
    assert dash is not None
    done = subprocess.run(
        [dash, "-c", text, name, "0"],
        cwd=slot,
        env={"PATH": "/nonexistent", "DIRACOS": "/nonexistent"},
        capture_output=True,
        check=False,
    )
    assert (0, b"there is no Python 3.7 or newer on this worker\n") == (done.returncode, done.stderr)


def test_a_sandbox_that_dirac_would_not_take_is_refused_here(worker: Any) -> None:
    """Inputs that no compression makes smaller are counted as they are; what tasks share counts once."""
    data = os.urandom(200_000)
    with pytest.raises(TooLarge, match="DIRAC takes 200000"):
        worker.files(shell("true", inputs=[inline("i", data)]), facts=Facts(max_sandbox_bytes=200_000))
    spec = shell("true", inputs=[inline("i", data)], array={"count": 100})
    assert worker.files(spec, count=100, facts=Facts(max_sandbox_bytes=400_000))


def imports_of(source: str) -> Iterator[str]:
    """Give what a module of the worker's imports, read as Python 3.7 reads it."""
    for node in ast.walk(ast.parse(source, feature_version=(3, 7))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def test_the_program_needs_nothing_but_an_old_python(worker: Any) -> None:
    """It imports itself and what Python has, and no more: where it runs, nothing else is. One module asks for DIRAC."""
    packed = base64.b64decode(worker.files(shell("true"))["cc-payload.pyz"])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        sources = {name: archive.read(name).decode() for name in archive.namelist()}
    ours = "common_compute_dirac.payload"
    foreign = {
        (name.rpartition("/")[2], imported.partition(".")[0])
        for name, source in sources.items()
        for imported in imports_of(source)
        if imported != ours and not imported.startswith(f"{ours}.")
    }
    foreign = {(name, imported) for name, imported in foreign if imported not in sys.stdlib_module_names}
    assert {("grid_files.py", "DIRAC")} == foreign
    assert len(sources) > 10


def test_the_program_is_the_same_whenever_it_is_packed(worker: Any) -> None:
    """No moment is in it, so that a sandbox's bytes are its job's."""
    packed = base64.b64decode(worker.files(shell("true"))["cc-payload.pyz"])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {(1980, 1, 1, 0, 0, 0)} == {each.date_time for each in archive.infolist()}
