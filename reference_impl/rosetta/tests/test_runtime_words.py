"""The words of each runtime for a command in an image, as its documentation has them."""

import pytest

from common_compute_connector.plan import TaskPlan
from common_compute_rosetta.process import Surroundings, task_script
from common_compute_rosetta.runtimes import apptainer, bubblewrap, charliecloud, docker, podman
from common_compute_rosetta.runtimes.box import Account, Box, Image, Surrounds, inside, read_variables
from common_compute_rosetta.runtimes.found import Program, runtimes_of
from common_compute_rosetta.runtimes.start import Container, start_lines, unfit

ACCOUNT = Account("alice", 1001, 100, "/home/alice")
PLAN = TaskPlan(0, ("run", "-x", "a b"), {"A": "1", "CC_JOB_ID": "j"}, (), ())


def box(program: str, environment: dict[str, str] | None = None, **members) -> Box:
    given = {
        "image": Image("sha256:1", "/i/root", "tree/sha256-1", {}),
        "host": Surrounds(program, ACCOUNT, "/i", rootless=False),
        "task": "/t",
        "name": "cc-j.0-0",
        "command": ("run", "-x", "a b"),
        "environment": {"PATH": "/bin", "HOME": "/cc/work", "TMPDIR": "/tmp", **(environment or {})},
        **members,
    }
    return Box(**given)


def test_charliecloud():
    """ch-run gets the directories to mount, and by options only what would change ch-run itself."""
    launch = charliecloud.launch(box("/usr/bin/ch-run", {"A": "1\n2", "LD_PRELOAD": "'x'", "USER": "else"}))
    assert (
        "/usr/bin/ch-run",
        *("--unset-env=USER", "--env-no-expand"),
        *("--set-env=PATH='/bin'", "--set-env=HOME='/cc/work'", "--set-env=TMPDIR='/tmp'"),
        *("--set-env=LD_PRELOAD=''x''", "--set-env=USER='else'"),
        *("--bind=/t/work:/cc/work", "--cd=/cc/work", "/i/root", "--"),
        *("run", "-x", "a b"),
    ) == launch.words
    assert {"A": "1\n2", "USER": "alice", "HOME": "/home/alice", "TMPDIR": "/t/tmp"} == launch.variables
    assert launch.in_place


def test_bubblewrap():
    """bwrap gets a read-only root, places to write, and all variables through a file."""
    launch = bubblewrap.launch(box("/usr/bin/bwrap", {"A": "1\n2"}))
    words = " ".join(launch.words)
    assert words.startswith(
        "/usr/bin/bwrap --args 9 --json-status-fd 8 --die-with-parent --ro-bind /i/root / "
    )
    assert words.endswith("--bind /t/work /cc/work --bind /t/tmp /tmp --chdir /cc/work -- run -x a b")
    assert ("--setenv", "A", "1\n2") == launch.arguments[-3:]
    assert {} == launch.variables


@pytest.mark.parametrize(("module", "verb"), [(podman, 0), (docker, 0)])
def test_engines(module, verb):
    """Variables are named and handed down, but for those that the client would heed; the entry point is none."""
    launch = module.launch(
        box(f"/usr/bin/{module.NAME}", {"A": "1\n2", "DOCKER_HOST": "x", "CC_JOB_ID": "j"})
    )
    words = launch.words
    assert ("/i/root", "run", "-x", "a b") == words[-4:]
    assert ("1\n2", True) == (launch.variables["A"], "--env=A" in words)
    assert {"--env=DOCKER_HOST=x", "--env=CC_JOB_ID=j", "--env=HOME=/cc/work"} <= set(words)
    assert "CC_JOB_ID" not in launch.variables
    assert "/home/alice" == launch.variables["HOME"]
    options = {"--entrypoint=", "--read-only", "--network=host", "--pid=host", "--workdir=/cc/work"}
    assert options | {"--mount=type=bind,src=/t/work,dst=/cc/work"} <= set(words)
    assert words.index("run") < min(words.index(option) for option in options)


def test_podman():
    """podman keeps its images with ours, stays in the caller's cgroup, and is root inside as the caller."""
    words = podman.launch(box("/usr/bin/podman")).words
    assert ("/usr/bin/podman", "--root=/i/podman", "--cgroup-manager=cgroupfs", "run", "--rm") == words[:5]
    assert {"--user=0:0", "--pidfile=/t/runtime", "--log-driver=passthrough"} <= set(words)


@pytest.mark.parametrize(("rootless", "user"), [(False, "1001:100"), (True, "0:0")])
def test_docker(rootless, user):
    """docker's containers have a name, and write as the caller, whoever its daemon is."""
    launch = docker.launch(
        box("/usr/bin/docker", host=Surrounds("/usr/bin/docker", ACCOUNT, "/i", "", rootless))
    )
    assert {f"--user={user}", "--name=cc-j.0-0", "--pull=never"} <= set(launch.words)
    assert b"'/usr/bin/docker' rm --force --volumes 'cc-j.0-0'" in launch.before


@pytest.mark.parametrize(
    ("name", "prefix"), [("apptainer", "APPTAINERENV_"), ("singularity", "SINGULARITYENV_")]
)
def test_apptainer(name, prefix):
    """apptainer gets variables by prefix, which no comma and no shell splits, and its own through env(1)."""
    image = Image("sha256:1", "/i/image.sif", "file/sha256-1")
    variables = {"HOME": "/cc/work", "TMPDIR": "/tmp", "A": "1,$(id)\n2", "LD_LIBRARY_PATH": "/l"}
    launch = apptainer.launch(box(f"/usr/bin/{name}", image=image, environment=variables))
    assert (
        *(f"/usr/bin/{name}", "exec", "--no-eval", "--contain", "--no-umask"),
        *("--home=/t/work:/cc/work", "--pwd=/cc/work", "--bind=/t/tmp:/tmp", "/i/image.sif"),
        *("/usr/bin/env", "LD_LIBRARY_PATH=/l", "run", "-x", "a b"),
    ) == launch.words
    assert {
        f"{prefix}A": "1,$(id)\n2",
        f"{prefix}PATH": "/bin",
        f"{prefix}TMPDIR": "/tmp",
        "HOME": "/home/alice",
    } == launch.variables
    assert "--nv" in apptainer.launch(box(f"/usr/bin/{name}", image=image, gpus=1)).words


def test_apptainer_and_a_home_of_the_jobs_own():
    """A `HOME` that the job asks for is set inside, where apptainer's own option would make a directory of it."""
    image = Image("sha256:1", "/i/image.sif", "file/sha256-1")
    launch = apptainer.launch(
        box("/usr/bin/apptainer", image=image, environment={"HOME": "/x"}, command=("a=b", "c"))
    )
    assert ("/usr/bin/env", "HOME=/x", "/usr/bin/nice", "-n", "0", "--", "a=b", "c") == launch.words[-8:]


def test_the_environment_inside():
    """The image's variables lie over the defaults, what is fixed over them, and the job's own over all."""
    image = Image("d", "p", "k", {"PATH": "/image", "HOME": "/root", "A": "image", "B": "image"})
    assert {
        "PATH": "/image",
        "LANG": "C",
        "A": "job",
        "B": "image",
        "HOME": "/cc/work",
        "TMPDIR": "/tmp",
    } == inside(image, {"A": "job"}, "C")
    unknown = Image("d", "p", "k", None)
    assert {"HOME": "/cc/work", "TMPDIR": "/tmp", "A": "job"} == inside(unknown, {"A": "job"}, "C")


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        ({"config": {"Env": ["A=1", "B=x=y\nz", "=", "C", 7, "D=\0"]}}, {"A": "1", "B": "x=y\nz"}),
        ({"Env": ["A=1"]}, {"A": "1"}),
        ({"config": None}, {}),
        ({"config": {"Env": None}}, {}),
        ({}, {}),
        ([], {}),
        (None, {}),
        ("x", {}),
    ],
)
def test_an_images_configuration(config, variables):
    """`Env` of a configuration is read, in both places where tools have it, and nothing odd in it is believed."""
    assert variables == read_variables(config)


def container(name: str) -> Container:
    programs = {
        word: Program("9.9", f"/usr/bin/{word}") for word in ("ch-run", "ch-image", "sha256sum", "userns")
    }
    programs |= {word: Program("9.9", f"/usr/bin/{word}") for word in ("bwrap", "podman", "skopeo", "umoci")}
    runtime = next(one for one in runtimes_of(programs) if one.name == name)
    image = Image("sha256:1", "/i/root", "tree/sha256-1", {"PATH": "/image"})
    return Container(runtime, image, Surrounds(runtime.program, ACCOUNT, "/i"))


def test_the_script_of_a_task():
    """The image is looked at and the command looked for before a runtime takes over, in place where it can."""
    lines = start_lines(container("charliecloud"), PLAN, "/t", Surroundings("/bin", "C"), 0, "n")
    script = task_script(PLAN, "/t", Surroundings("/bin", "C"), {}, lines).decode()
    order = [
        "echo inputs >../stage",
        "echo image 1<>../stage",
        "search='/image'",
        "look 'run'",
        "echo command",
        "exec ",
    ]
    assert sorted(order, key=script.index) == order
    assert "'/usr/bin/ch-run'" in script.splitlines()[-1]
    lines = start_lines(container("bubblewrap"), PLAN, "/t", Surroundings("/bin", "C"), 0, "n")
    script = task_script(PLAN, "/t", Surroundings("/bin", "C"), {}, lines).decode()
    assert script.index(": >../apart") < script.index("echo command") < script.index("'/usr/bin/bwrap'")
    assert "exit $code" == script.splitlines()[-1]


def test_what_a_runtime_cannot_take():
    """More variables than bubblewrap has room for are told in words; others have no such limit."""
    many = TaskPlan(0, ("x",), {f"V{number}": "" for number in range(3000)}, (), ())
    assert (None, None) == (unfit(container("charliecloud"), [many]), unfit(container("bubblewrap"), [PLAN]))
    assert "2900 environment variables" in (unfit(container("bubblewrap"), [PLAN, many]) or "")
