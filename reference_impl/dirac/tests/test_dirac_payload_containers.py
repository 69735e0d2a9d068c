"""Tasks in containers, run here by Charliecloud: from a part's sandbox to what comes home; Apptainer's words."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.references import Reference
from common_compute_dirac.container_settings import ContainerSettings
from common_compute_dirac.images import Image
from common_compute_dirac.payload import containers
from common_compute_dirac.payload.image_tree import ImageTree
from common_compute_dirac.payload.images import find_image, variables_of
from common_compute_dirac.payload.processes import Stopped

pytestmark = [pytest.mark.real, pytest.mark.needs("busybox", "charliecloud")]

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
OTHER = f"sha256:{'f' * 64}"
ENVIRONMENT = """#!/bin/sh
export PATH="/usr/bin:/bin"
export GREETING="${GREETING:-"it costs \\$5, \\"all\\" \\\\ of it"}"
export OWN="${OWN:-"of the image"}"
"""


class Area:
    """A directory of unpacked images, and the tests' own images in it."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def image(self, name: str = "registry.example.org/x/box", *versions: str) -> Path:
        """Put an image there, under these versions of its name, and give its directory."""
        flat = self.place / ".flat" / "ab" / f"ab{len(list(self.place.glob('.flat/ab/*')))}"
        for directory in ("bin", "dev", "etc", "mnt", "proc", "sys", "tmp", "usr/bin", ".singularity.d/env"):
            (flat / directory).mkdir(parents=True)
        busybox = shutil.which("busybox")
        assert busybox is not None
        shutil.copy(busybox, flat / "bin" / "busybox")
        for tool in ("sh", "env", "cat", "sleep", "printf", "head", "ls", "kill"):
            (flat / "bin" / tool).symlink_to("busybox")
        (flat / "etc" / "passwd").touch()
        (flat / "etc" / "group").touch()
        (flat / ".singularity.d" / "env" / "10-docker2singularity.sh").write_text(ENVIRONMENT)
        for version in versions or ("1", DIGEST):
            link = self.place / f"{name}:{version}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(flat)
        return flat

    def wish(self, reference: str, runtime: str = "charliecloud", program: str = "ch-run") -> Image:
        """Give what a job's image asks for."""
        made = ContainerSettings(runtime, program, str(self.place), reference)
        return Image(made, Reference.read(reference))


BOX = f"registry.example.org/x/box@{DIGEST}"


@pytest.fixture
def area(tmp_path: Path) -> Area:
    """Give an area with an image."""
    made = Area(tmp_path / "area")
    made.image()
    return made


@pytest.fixture
def run(worker: Any, area: Area) -> Callable[..., Any]:
    """Give a way to run a command in the image, or another one."""

    def inside(*command: str, image: str = BOX, **more: Any) -> Any:
        return worker.run({"command": list(command), **more}, area.wish(image))

    return inside


def test_argv_and_environment_arrive_byte_for_byte(run: Callable[..., Any]) -> None:
    """Beside the job's own there are the image's variables, under them, and the contract's; nothing of the worker's."""
    values = {
        f"V{n}": text for n, text in enumerate(("", "'", "'a'", "a\nb", "$PATH `id`", "é☃", "x,y", "\\"))
    }
    values |= {"OWN": "of the job", "LD_PRELOAD": "/nothing", "CH_LIKE": "'q'"}
    left = run("printf", "%s\\0", *values.values(), "-n", "*", "; id")
    assert [*values.values(), "-n", "*", "; id"] == left.logs["stdout"].decode().split("\0")[:-1]
    left = run("/bin/cat", "/proc/self/environ", environment=values)
    found = dict(line.split("=", 1) for line in left.logs["stdout"].decode().split("\0")[:-1])
    assert {
        **values,
        "GREETING": 'it costs $5, "all" \\ of it',
        "PATH": "/usr/bin:/bin",
    }.items() <= found.items()
    ours = {"CC_JOB_ID", "CC_TASK_INDEX", "CC_TASK_COUNT", "HOME", "TMPDIR", "LANG", "PATH", "GREETING"}
    assert {*values, *ours, "CH_RUNNING"} == set(found)


def test_the_working_directory_is_the_task_s(run: Callable[..., Any], area: Area) -> None:
    """It is HOME, holds the inputs, and what is written there comes home; the image stays as it was; so does TMPDIR."""
    source = {"kind": "inline", "content_base64": base64.b64encode(b"in").decode()}
    text = 'cat d/in; [ "$PWD" = "$HOME" ] && echo x >"$HOME/out" && echo x >"$TMPDIR/t"; echo y >/bin/y'
    left = run("sh", "-c", text, inputs=[{"path": "d/in", "source": source}], outputs=[{"path": "**"}])
    assert (b"in", {"out": b"x\n", "d/in": b"in"}) == (left.logs["stdout"], left.results)
    assert b"Read-only file system" in left.logs["stderr"]
    assert ("exit", 1, DIGEST) == (left.outcome.how, left.outcome.number, left.outcome.image_digest)


def test_an_own_place_for_the_working_directory_is_taken(run: Callable[..., Any], area: Area) -> None:
    """An image that has /cc/work is worked in there, as on other facilities."""
    (area.image("r.example.org/y", "1") / "cc" / "work").mkdir(parents=True)
    used = area.image("r.example.org/z", "1")
    (used / "mnt" / "data").touch()
    (used / "srv").mkdir()
    assert b"/srv\n" == run("sh", "-c", "pwd", image="r.example.org/z:1").logs["stdout"]
    assert b"/cc/work\n" == run("sh", "-c", "pwd", image="r.example.org/y:1").logs["stdout"]
    assert b"/mnt\n" == run("sh", "-c", "pwd").logs["stdout"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["sh", "-c", "exit 7"], ("exit", 7)),
        (["sh", "-c", "exit 127"], ("exit", 127)),
        (["sh", "-c", "kill -9 $$"], ("signal", 9)),
        (["no-such-command"], ("not-found", 127)),
        (["./no-such-file"], ("not-found", 127)),
        (["/usr/bin/python3"], ("not-found", 127)),
        (["/etc/passwd"], ("not-found", 126)),
        (["/tmp"], ("not-found", 126)),
        (["/bin/script"], ("not-found", 126)),
        (["/bin/loop"], ("not-found", 127)),
    ],
)
def test_how_a_command_ends(
    run: Callable[..., Any], area: Area, command: list[str], expected: tuple[str, int]
) -> None:
    """As without a container: what the worker has, but not the image, is not found."""
    (place,) = area.place.glob(".flat/ab/*")
    (place / "bin" / "script").write_text("#!/no/such/interpreter\n")
    (place / "bin" / "script").chmod(0o755)
    (place / "bin" / "loop").symlink_to("loop")
    left = run(*command)
    assert expected == (left.outcome.how, left.outcome.number), left.logs["stderr"]


def test_a_command_of_the_job_s_own_runs(run: Callable[..., Any]) -> None:
    """A script among the inputs is found in the working directory."""
    source = {"kind": "inline", "content_base64": base64.b64encode(b"#!/bin/sh\necho mine\n").decode()}
    left = run("./bin/run", inputs=[{"path": "bin/run", "source": source, "executable": True}])
    assert (b"mine\n", "exit") == (left.logs["stdout"], left.outcome.how)


def test_the_wall_time_ends_all_of_it(run: Callable[..., Any]) -> None:
    """Also what a command in a container has started dies with it."""
    text = 'trap "" TERM; sleep 4721 & echo $!; wait; sleep 4722'
    left = run("sh", "-c", text, resources={"wall_time_seconds": 1})
    assert "wall-time" == left.outcome.how
    assert not [each for each in Path("/proc").glob("[0-9]*/cmdline") if _is_sleep(each)]


def _is_sleep(file: Path) -> bool:
    try:
        return file.read_bytes() in {b"sleep\x004721\0", b"sleep\x004722\0"}
    except OSError:
        return False


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (f"registry.example.org/x/box@{OTHER}", "is not among the images in"),
        ("registry.example.org/x/box:2", "is not among the images in"),
        ("registry.example.org/x/away:1", "is not among the images in"),
        ("registry.example.org/x/out:1", "is not among the images in"),
        ("registry.example.org/x/flat:1", "has no /tmp, which Charliecloud needs"),
        ("registry.example.org/x/full:1", "has no directory /cc/work, nor an empty one of /mnt, /media"),
        ("registry.example.org/x/led:1", "has no directory /cc/work, nor an empty one of /mnt, /media"),
    ],
)
def test_an_image_that_is_not_there_is_told(
    run: Callable[..., Any], area: Area, tmp_path: Path, image: str, words: str
) -> None:
    """The command does not run; a name that leads out of the area, or to no whole image, is none."""
    names = area.place / "registry.example.org" / "x"
    (names / "away:1").symlink_to("nowhere")
    (names / "out:1").symlink_to("/usr")
    (area.image("registry.example.org/x/flat", "1") / "tmp").rmdir()
    (area.image("registry.example.org/x/full", "1") / "mnt").rmdir()
    led = area.image("registry.example.org/x/led", "1")
    (led / "mnt").rmdir()
    (led / "mnt").symlink_to("/etc")
    left = run("sh", "-c", "echo ran", image=image)
    assert ("image", b"") == (left.outcome.how, left.logs["stdout"])
    assert words in left.outcome.words


@pytest.mark.parametrize(
    ("program", "where"), [("ch-run-not-here", "PATH"), ("/nonexistent/ch-run", "a path")]
)
def test_a_worker_without_the_runtime_says_so(worker: Any, area: Area, program: str, where: str) -> None:
    """A worker may lack what the settings promise: the job tells."""
    left = worker.run({"command": ["true"]}, area.wish(BOX, program=program))
    assert ("image", f"{program} is not on this worker") == (left.outcome.how, left.outcome.words), where


def test_an_area_that_is_not_there_is_told(worker: Any, tmp_path: Path) -> None:
    """As on a worker without CernVM-FS."""
    left = worker.run({"command": ["true"]}, Area(tmp_path / "none").wish(BOX))
    assert ("image", f"{tmp_path}/none is not there on this worker") == (left.outcome.how, left.outcome.words)


def test_names_of_images(area: Area) -> None:
    """A digest is found in both forms, a tag by its name with the digest that it stands for, Docker Hub by any name."""
    for reference, digest in ((BOX, DIGEST), ("registry.example.org/x/box:1", DIGEST)):
        assert digest == find_image(area.wish(reference).for_worker())[1]
    area.image("registry.hub.docker.com/library/debian", "12")
    place, digest = find_image(area.wish("debian:12").for_worker())
    assert ("", True) == (digest, place.startswith(bytes(area.place)))
    other = area.place / "other.example.org"
    other.mkdir()
    (other / f"tool@{OTHER}").symlink_to(area.image("r.example.org/z", "1"))
    assert OTHER == find_image(area.wish(f"other.example.org/tool:7@{OTHER}").for_worker())[1]
    with pytest.raises(Stopped):
        find_image(area.wish("other.example.org/tool:7").for_worker())


def test_variables_of_an_image_are_read_and_not_executed(area: Area, tmp_path: Path) -> None:
    """Both makers' files; nothing in them runs, and a link out of the image shows nothing of the worker's."""
    flat = area.image("r.example.org/v", "1")
    script = flat / ".singularity.d" / "env" / "10-docker2singularity.sh"
    script.write_text(f'export A="$(touch {tmp_path}/ran)"\nexport B="${{B:-"x"}}"\ntouch {tmp_path}/ran\n')
    tree = ImageTree(bytes(flat), {})
    assert {b"A": f"$(touch {tmp_path}/ran)".encode(), b"B": b"x"} == variables_of(tree)
    secret = tmp_path / "secret"
    secret.write_text('export STOLEN="1"\n')
    script.unlink()
    script.symlink_to(secret)
    assert {} == variables_of(tree)
    (tmp_path / "environment").write_text("STOLEN=1\n")
    (flat / "ch").symlink_to(tmp_path)
    assert {} == variables_of(tree)
    (flat / "ch").unlink()
    (flat / "ch").mkdir()
    (flat / "ch" / "environment").write_text("A=1\nB=x=y\n\nno\n=1\n")
    assert {b"A": b"1", b"B": b"x=y"} == variables_of(tree)
    assert not (tmp_path / "ran").exists()


def test_a_link_in_an_image_leads_where_it_leads_inside(tmp_path: Path) -> None:
    """Never out of it: `..` ends at its root, an absolute link begins there, and a circle leads nowhere."""
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    for name, target in (("up", "../../../../etc"), ("abs", "/a/b"), ("one", "two"), ("two", "one")):
        (root / "a" / name).symlink_to(target)
    tree = ImageTree(bytes(root), {b"/cc/work": bytes(tmp_path / "work")})
    assert bytes(root / "etc" / "passwd") == tree.outside(b"/a/up/passwd")
    assert bytes(root / "a" / "b" / "c") == tree.outside(b"/a/abs/./c")
    assert bytes(tmp_path / "work" / "x") == tree.outside(b"/a/../cc/work/x")
    assert tree.outside(b"/a/one") is None
    assert tree.runs(b"/a/one") is None


def _as_apptainer(area: Area, tmp_path: Path, *command: str, **environment: str) -> containers.Launch:
    part = {"container": area.wish(BOX, "apptainer", "sh").for_worker(), "lang": "C.UTF-8"}
    own = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
    words = [os.fsencode(word) for word in command]
    return containers.launch(part, own, words, bytes(tmp_path / "work"), bytes(tmp_path / "tmp"))


def test_the_words_of_apptainer(area: Area, tmp_path: Path) -> None:
    """As its documentation has them: values pass through its own environment, those that it changes through env(1)."""
    launch = _as_apptainer(area, tmp_path, "sh", "-c", "$X", A="a,b\n", PS1="p", HOME="/h")
    (flat,) = area.place.glob(".flat/ab/*")
    assert [
        *(b"exec", b"--no-eval", b"--contain", b"--no-umask"),
        *(
            f"--home={tmp_path}/work:/cc/work".encode(),
            b"--pwd=/cc/work",
            f"--bind={tmp_path}/tmp:/tmp".encode(),
        ),
        *(bytes(flat), b"/usr/bin/env", b"HOME=/h", b"PS1=p", b"sh", b"-c", b"$X"),
    ] == launch.argv[1:]
    handed = {
        b"APPTAINERENV_A": b"a,b\n",
        b"APPTAINERENV_OWN": b"of the image",
        b"APPTAINERENV_TMPDIR": b"/tmp",
    }
    assert handed.items() <= launch.environment.items()
    assert b"APPTAINERENV_HOME" not in launch.environment
    assert DIGEST == launch.digest
    plain = _as_apptainer(area, tmp_path, "sh").argv
    assert (b"/usr/bin/env" in plain, [bytes(flat), b"sh"]) == (False, plain[-2:])


def test_a_command_with_an_equals_sign_is_no_variable(area: Area, tmp_path: Path) -> None:
    """env(1) would take it for one."""
    (flat,) = area.place.glob(".flat/ab/*")
    (flat / "bin" / "a=b").symlink_to("busybox")
    assert [b"/usr/bin/nice", b"-n", b"0", b"--", b"a=b"] == _as_apptainer(
        area, tmp_path, "a=b", PS1="p"
    ).argv[-5:]


def test_no_runtime_is_given_a_place_that_it_would_read_otherwise(area: Area, tmp_path: Path) -> None:
    """A sign that means something in the words for a mount ends the task in words."""
    with pytest.raises(Stopped, match="no runtime can mount"):
        _as_apptainer(area, tmp_path / "a:b", "sh")
