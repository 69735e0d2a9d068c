"""A command is found in an image from outside as it would be from inside: `sh/root.sh` on a tree of files."""

import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

pytestmark = pytest.mark.real


@pytest.fixture
def look(tmp_path: Path, shell: str):
    """Make an image, a work directory and a place beside it, and give the look-up as a function."""
    root, work = tmp_path / "root", tmp_path / "task" / "work"
    for directory in (root / "usr/bin", root / "opt/x", work / "bin", tmp_path / "task" / "tmp"):
        directory.mkdir(parents=True)

    def program(file: Path, mode: int = 0o755) -> None:
        file.write_text("x")
        file.chmod(mode)

    program(root / "usr/bin/tool")
    program(root / "usr/bin/no", 0o644)
    program(root / "opt/x/a b\nc")
    program(work / "bin/mine")
    program(tmp_path / "task" / "tmp" / "made")
    program(tmp_path / "outside")
    (root / "bin").symlink_to("usr/bin")
    (root / "usr/bin/absolute").symlink_to("/usr/bin/tool")
    (root / "usr/bin/up").symlink_to("../../../../../../usr/bin/tool")
    (root / "usr/bin/twice").symlink_to("absolute")
    (root / "usr/bin/newline").symlink_to("/opt/x/a b\nc")
    (root / "usr/bin/loop").symlink_to("loop")
    (root / "usr/bin/gone").symlink_to("/nothing")
    (root / "usr/bin/escape").symlink_to(tmp_path / "outside")
    (root / "usr/bin/work").symlink_to("/cc/work/bin/mine")
    text = files("common_compute_rosetta").joinpath("sh/root.sh").read_text()

    def look(command: str, search: str = "/usr/local/bin:/bin") -> bool:
        script = f'root=$1 search=$2\n{text}\nlook "$3"'
        return subprocess.run([shell, "-c", script, "sh", root, search, command], cwd=work).returncode == 0

    return look


@pytest.mark.parametrize(
    "command",
    [
        *("tool", "/bin/tool", "/usr/bin/tool", "/opt/../usr//./bin/tool", "/../../bin/tool"),
        *(
            "absolute",
            "up",
            "twice",
            "newline",
            "work",
            "bin/mine",
            "./bin/mine",
            "/cc/work/bin/mine",
            "/tmp/made",
        ),
    ],
)
def test_what_is_there(look, command):
    """Links lead where they lead inside, and what is mounted is seen through its mount."""
    assert look(command)


@pytest.mark.parametrize(
    "command",
    [
        "no",
        "nothing",
        "",
        "/",
        ".",
        "bin",
        "/bin",
        "loop",
        "gone",
        "escape",
        "/usr/bin/no",
        "mine",
        "/bin/mine",
        "../tmp/made",
        "/bin/../usr/bin/tool",
    ],
)
def test_what_is_not_there(look, command):
    """No link leads out of the image; neither a directory nor a file without its mode is a command."""
    assert not look(command)


def test_the_search(look):
    """Relative and empty places of the search are the working directory's."""
    assert (True, True, False) == (look("mine", "bin"), look("mine", "/x:bin:/y"), look("mine", "*:/bin"))
    assert look("bin/mine", "")
