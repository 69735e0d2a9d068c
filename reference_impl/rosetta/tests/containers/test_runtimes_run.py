"""What each runtime makes of a command: its words, what it finds, how its end is told."""

import json
import os
import stat

import pytest

from common_compute_connector.jobs import State

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(600)]

each_runtime = pytest.mark.parametrize("runtime", ["charliecloud", "podman", "bubblewrap", "docker"])

HOSTILE = [
    "", " ", "'", '"', "''\"\"'", "''x''", "it's", "\\", "\\\\n\\0", "a\nb", "trailing newline\n", "\n\n",
    "\r\n\t\v\f\b\x07\x1b[31m\x7f", "carriage\r", "\x01\x02\x1f", "%s%n%%d", "$HOME ${IFS} $(id) `id` $((1+1))",
    "* ? [a-z] ~ ~root {a,b}", "; rm -rf / & | < > >> << EOF # !", "-n", "--", "--help", "-", "A=B", "=", "a,b=c,d",
    "!history", "#comment", "{{not_replaced}}", "$PATH:x", "é ü ß Ω", "\u0081\u0082\u0088", "日本語",
    "😀 \U0001d518\U0010ffff", "\ufeffbom \u2028 \u202e", "end with backslash\\", "x" * 100_000, "'" * 20_000,
]  # fmt: skip

ECHO = (
    "import json,os,sys; json.dump([sys.argv[1:], {k.decode(): v.decode() for k, v in os.environb.items()}],"
    " sys.stdout)"
)

NAMES = {
    "PATH": "/usr/bin", "HOME": "/elsewhere", "TMPDIR": "/t", "LANG": "xx", "LC_ALL": "C", "TZ": "UTC",
    "USER": "somebody", "LOGNAME": "x", "LD_LIBRARY_PATH": "/nowhere:", "LD_PRELOAD": "", "TERM": "dumb", "PWD2": "",
    "XDG_RUNTIME_DIR": "/x", "CONTAINER_HOST": "tcp://x", "DOCKER_HOST": "tcp://y", "STORAGE_DRIVER": "vfs",
    "https_proxy": "http://user:word@host", "HTTP_PROXY": "h", "SLURM_JOB_ID": "7", "CH_X": "'q'", "GODEBUG": "x=1",
    "APPTAINERENV_X": "1", "SINGULARITY_Y": "2", "IFS": "x", "a": "lower", "_": "under", "_x": "y", "A_B_9": "z",
}  # fmt: skip
"""Variables that the runtimes, or what they are made of, would heed themselves."""


@each_runtime
async def test_arguments_and_variables_arrive_as_they_were_sent(with_runtime, runtime):
    """Every string of the corpus arrives byte for byte, as argument and as variable, whatever a variable is called."""
    house = with_runtime(runtime)
    environment = {f"V{number}": text for number, text in enumerate(HOSTILE)} | NAMES
    if runtime == "docker":
        del environment["IFS"]  # what stands in for docker is a shell script
    command = ["/usr/bin/python3", "-I", "-c", ECHO, *HOSTILE]
    run = await house.run(*command, image="python", environment=environment)
    assert b"" == run.stderr
    arguments, variables = json.loads(run.stdout)
    assert HOSTILE == arguments
    assert environment == {name: variables.get(name) for name in environment}


@each_runtime
async def test_what_a_command_finds(with_runtime, runtime):
    """The image's environment lies under the job's; work, home and what is temporary are the task's; else all is read-only."""
    house = with_runtime(runtime)
    script = (
        'pwd; printf \'%s\\n\' "$HOME" "$TMPDIR" "$PATH" "$WHO" "$ODD" "[${EMPTY-unset}]" $CC_TASK_INDEX/$CC_TASK_COUNT;'
        " cat in/put; echo x >out.txt; echo y >$TMPDIR/y; cat /tmp/y; echo z 2>/dev/null >/z || echo read-only; umask;"
        " awk -F: -v u=$(id -u) '$3 == u { print \"named\" }' /etc/passwd"
    )
    inputs = [{"path": "in/put", "source": {"kind": "inline", "content_base64": "aGVsbG8K"}}]
    run = await house.run(
        "sh", "-c", script, image="odd", inputs=inputs, environment={"WHO": "job"}, outputs=[{"path": "**"}]
    )
    assert b"" == run.stderr
    expected = [
        *("/cc/work", "/cc/work", "/tmp", "/bin:/odd", "job", "a 'b' \"c\" $d \\ %e", "f=ü", "[]", "0/1"),
        *("hello", "y", "read-only", "0022", "named"),
    ]
    assert expected == run.stdout.decode().splitlines()
    assert b"x\n" == run.results[0, "out.txt"]
    told = os.stat(house.task_directory(run) / "work" / "out.txt")
    assert (house.user_id, 0o644) == (told.st_uid, stat.S_IMODE(told.st_mode))


@each_runtime
async def test_nothing_of_the_host_is_inherited(with_runtime, runtime):
    """A command's environment holds what the image and the job say, and what the runtime tells of itself."""
    house = with_runtime(runtime)
    run = await house.run("env", image="busybox")
    names = {line.partition(b"=")[0].decode() for line in run.stdout.splitlines()}
    own = {"CH_RUNNING", "container", "HOSTNAME", "TERM", "PWD", "SHLVL"}
    ours = {"PATH", "HOME", "TMPDIR", "LANG", "FACILITY_IMAGE", "CC_JOB_ID", "CC_TASK_INDEX", "CC_TASK_COUNT"}
    assert ours == names - own


@each_runtime
async def test_exit_codes_and_signals(with_runtime, runtime):
    """Exit codes are the command's own; a death by signal is the signal, or 128 more where the runtime cannot tell."""
    house = with_runtime(runtime)
    codes = ["0", "1", "125", "126", "127", "128", "137", "255"]
    script = "exit {{CODE}}"
    array = {"parameters": [{"CODE": code} for code in codes]}
    run = await house.run("sh", "-c", script, array=array, count=len(codes))
    assert codes == [str(run.seen[index].exit_code) for index in range(len(codes))]
    reasons = {seen.reason.code for seen in run.seen.values() if seen.reason}
    assert {"exit-nonzero"} == reasons
    killed = await house.run("sh", "-c", "kill -TERM $$; sleep 5")
    document = await house.connector.describe()
    exact = "signal" in document["reason_codes"]
    assert (runtime == "charliecloud") == exact
    assert ((None, 15) if exact else (143, None)) == (killed.task.exit_code, killed.task.signal)


def commands(*names: str) -> dict:
    """Make each of these the command of a task of one array job."""
    return {"array": {"parameters": [{"COMMAND": name} for name in names]}, "count": len(names)}


@each_runtime
async def test_commands_that_cannot_be_executed(with_runtime, runtime):
    """They are not found, whatever the runtime ends with."""
    house = with_runtime(runtime)
    inputs = [{"path": "bin/plain", "source": {"kind": "inline", "content_base64": "aGVsbG8K"}}]
    names = ("nope", "/bin/nope", "./nope", "bin/plain", "/etc", "/etc/passwd", "/bin/../nope")
    run = await house.run("{{COMMAND}}", "x", inputs=inputs, **commands(*names))
    told = [(seen.state, seen.reason.code, seen.exit_code in (126, 127)) for seen in run.seen.values()]
    assert [(State.FAILED, "command-not-found", True)] * len(names) == told


@each_runtime
async def test_commands_that_can_be_executed(with_runtime, runtime):
    """They are found by search, by path, through links, and among the inputs, whatever they are called."""
    house = with_runtime(runtime)
    body = {"kind": "inline", "content_base64": "IyEvYmluL3NoCmV4ZWMgL2Jpbi9zaCAiJEAiCg=="}
    inputs = [{"path": f"bin/{name}", "executable": True, "source": body} for name in ("mine", "a=b", "-x")]
    names = (
        "sh",
        "/bin/sh",
        "/usr/../bin/sh",
        "mine",
        "bin/mine",
        "./bin/mine",
        "/cc/work/bin/mine",
        "bin/a=b",
        "-x",
    )
    run = await house.run(
        *("{{COMMAND}}", "-c", "echo here"),
        inputs=inputs,
        environment={"PATH": "bin:/usr/local/bin:/bin"},
        **commands(*names),
    )
    assert {b"here\n"} == {run.logs[index, "stdout"] for index in range(len(names))}
    assert {b""} == {run.logs[index, "stderr"] for index in range(len(names))}


@each_runtime
async def test_an_image_with_one_program_and_nothing_else(with_runtime, runtime):
    """No shell, no directory and no file is needed in an image."""
    house = with_runtime(runtime)
    run = await house.run("/busybox", "sh", "-c", "echo alive; pwd", image="bare")
    assert (b"alive\n/cc/work\n", 0) == (run.stdout, run.task.exit_code)


@each_runtime
async def test_the_digest_that_ran_is_told(with_runtime, runtime):
    """`resolved` has the digest that was asked for, and of a tag the digest that it stood for."""
    house = with_runtime(runtime)
    digest = house.images["odd"].partition("@")[2]
    by_digest = await house.run("true", image="odd")
    by_tag = await house.run("true", image=house.images["odd"].partition("@")[0])
    assert (digest, digest) == (by_digest.task.resolved.image_digest, by_tag.task.resolved.image_digest)


@each_runtime
async def test_a_large_output_is_whole(with_runtime, runtime):
    """Megabytes go through to the log, without one byte lost at the end."""
    house = with_runtime(runtime)
    run = await house.run("sh", "-c", "head -c 20000000 /dev/zero | tr '\\0' x; printf end; printf err >&2")
    assert (20_000_003, b"xend", b"err") == (len(run.stdout), run.stdout[-4:], run.stderr)


@each_runtime
async def test_the_document_names_the_runtime(with_runtime, runtime):
    """The runtime that was found is there with its version and formats, and the class of containers is claimed."""
    house = with_runtime(runtime)
    document = await house.connector.describe()
    (told,) = document["container_runtimes"]
    assert (runtime, True) == (told["name"], told["version"][0].isdigit())
    assert ["oci", "docker-archive"] == told["image_formats"][:2]
    assert "container" in document["conforms_to"]
    assert {"kind": "container", "image": house.images["busybox"]} == document["probe"]["container"]
    assert ["https"] == document["input_url_schemes"]
