"""What a command on a plain host finds, and what is told of its life and end."""

import asyncio
import base64
import signal

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import LivePart

pytestmark = pytest.mark.real


def inline(content: bytes) -> dict[str, str]:
    return {"kind": "inline", "content_base64": base64.b64encode(content).decode()}


async def test_a_job_goes_from_the_queue_to_its_end(house):
    """A job is queued, running, and ended, with the facility's times in order and its exit code."""
    run = await house.submit(house.spec("sleep", "0.3"))
    await house.end(run)
    assert ["running", "succeeded"] == run.history[0][-2:]
    assert (0, None, None) == (run.task.exit_code, run.task.signal, run.task.reason)
    assert run.task.started_at < run.task.finished_at
    assert ("system", True) == (run.task.resolved.software_version, bool(run.task.resolved.host))


@pytest.mark.parametrize("code", [1, 2, 42, 126, 127, 129, 137, 255])
async def test_an_exit_code_is_the_commands_own(house, code):
    """Every exit code is told as it is, also one that looks like a signal or like a missing command."""
    run = await house.run("sh", "-c", f"exit {code}")
    assert (code, None, "exit-nonzero") == (run.task.exit_code, run.task.signal, run.task.reason.code)


@pytest.mark.parametrize("number", [1, 2, 3, 9, 11, 13, 15])
async def test_a_death_by_signal_is_a_signal(house, number):
    """Death by signal n is told as signal n and no exit code, whichever signal: none comes ignored."""
    run = await house.run("sh", "-c", f"kill -{number} $$; sleep 5")
    assert (None, number, "signal") == (run.task.exit_code, run.task.signal, run.task.reason.code)


@pytest.mark.parametrize("reaper", ["perl", "python3"])
async def test_no_signal_that_the_server_ignores_is_ignored_by_a_job(house, reaper):
    """A server that was started with nohup, or ignores what it likes, hands none of that down."""
    house.reopen()
    await house.connector.describe()
    object.__setattr__(house.connector._machine, "reaper", reaper)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        for number in before:
            run = await house.run("sh", "-c", f"kill -{int(number)} $$; sleep 5")
            assert (None, number) == (run.task.exit_code, run.task.signal)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def test_both_shells_and_all_reapers_tell_the_same(house, shell):
    """The machine's shell and its reaper change nothing but whether a signal can be told from 128+n."""
    for reaper, expected in (("perl", (None, 15)), ("python3", (None, 15)), ("none", (143, None))):
        house.reopen(shell=shell)
        await house.connector.describe()
        object.__setattr__(house.connector._machine, "reaper", reaper)
        run = await house.run("sh", "-c", "echo out; echo err >&2; kill $$")
        assert (b"out\n", b"err\n") == (run.stdout, run.stderr)
        assert expected == (run.task.exit_code, run.task.signal)
        assert run.task.started_at <= run.task.finished_at
        assert ("signal" in (await house.connector.describe())["reason_codes"]) == (reaper != "none")
        assert 0 == (await house.run("true")).task.exit_code


async def test_a_command_that_is_not_there_is_told_from_one_that_says_so(house):
    """A command that cannot be found or executed fails as command-not-found with 127 or 126."""
    missing = await house.run("no-such-command")
    assert (127, "command-not-found") == (missing.task.exit_code, missing.task.reason.code)
    plain = [{"path": "plain", "source": {"kind": "inline", "content_base64": ""}}]
    not_executable = await house.run("./plain", inputs=plain)
    assert (126, "command-not-found") == (not_executable.task.exit_code, not_executable.task.reason.code)
    by_path = await house.run("tool", inputs=[{**plain[0], "path": "tool"}], environment={"PATH": "/nowhere"})
    assert "command-not-found" == by_path.task.reason.code


async def test_the_environment_is_exactly_what_the_contract_says(house, shell, monkeypatch):
    """A process sees PATH, HOME, TMPDIR, LANG, the job's environment and nothing of the server's."""
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    house.reopen(shell=shell)
    special = {"OPTIND": "x", "PPID": "1", "UID": "7", "IFS": "e", "PS1": "$(x)", "LINENO": "n", "PWD": "/p"}
    run = await house.run("env", environment={"A": "1", "HOME": "/x", **special})
    work = house.task_directory(run) / "work"
    expected = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(work.parent / "tmp"),
        "LANG": "C.UTF-8",
        "HOME": "/x",
        "A": "1",
        **special,
        "CC_JOB_ID": run.part.key.job_id,
        "CC_TASK_INDEX": "0",
        "CC_TASK_COUNT": "1",
    }
    assert expected == dict(line.split("=", 1) for line in run.stdout.decode().splitlines())


async def test_the_working_directory_is_fresh_writable_and_home(house):
    """The working directory is HOME, holds the inputs and nothing else; TMPDIR is writable and elsewhere."""
    inputs = [
        {
            "path": "data/in.bin",
            "source": {"kind": "inline", "content_base64": base64.b64encode(b"\x00\xff\n").decode()},
        },
        {
            "path": "-tool it's",
            "executable": True,
            "source": {"kind": "inline", "content_base64": "IyEvYmluL3NoCmVjaG8gcmFuCg=="},
        },
    ]
    script = """
        set -e
        [ "$(pwd)" = "$HOME" ] && [ "$TMPDIR" != "$HOME" ]
        find . | sort
        cat data/in.bin
        ./-tool*
        echo x >new
        echo y >"$TMPDIR/new"
        echo z >>data/in.bin
    """
    run = await house.run("sh", "-c", script, inputs=inputs)
    assert (b".\n./-tool it's\n./data\n./data/in.bin\n\x00\xff\nran\n", 0) == (run.stdout, run.task.exit_code)


async def test_inputs_of_tasks_are_their_own_copies(house):
    """A task that changes its input changes nobody else's."""
    inputs = [{"path": "i-{{CC_TASK_INDEX}}", "source": {"kind": "inline", "content_base64": "YQ=="}}]
    script = "cat i-*; echo b >>i-$CC_TASK_INDEX"
    run = await house.run("sh", "-c", script, inputs=inputs, array={"count": 3}, count=3)
    assert [b"a", b"a", b"a"] == [run.logs[index, "stdout"] for index in range(3)]


async def test_an_input_that_cannot_be_written_fails_the_task(house):
    """An input whose name the file system refuses fails, input-unavailable, in the system's words."""
    inputs = [{"path": "x" * 300, "source": {"kind": "inline", "content_base64": ""}}]
    run = await house.run("true", inputs=inputs)
    assert (State.FAILED, "input-unavailable", None) == (
        run.task.state,
        run.task.reason.code,
        run.task.exit_code,
    )
    assert "too long" in run.task.reason.detail


async def test_software_is_set_up_before_the_command(house):
    """What a software's setup exports reaches the command, under the job's environment; its words do not."""
    tools = house.root.parent / "tools dir's"
    tools.mkdir()
    (tools / "hello").write_text("#!/bin/sh\necho hello $1 $A $B\n")
    (tools / "hello").chmod(0o755)
    house.reopen(
        software=[
            {
                "name": "hello",
                "version": "1.10",
                "default": True,
                "path": str(tools),
                "setup": "echo noise; export A=1 B=1 # x",
            },
            {"name": "hello", "version": "1.9", "setup": "exit 3"},
            {"name": "hello", "version": "1.8", "setup": "echo no licence >&2; false"},
        ]
    )
    wanted = {"kind": "installed", "name": "hello"}
    run = await house.run("hello", "you", software=wanted, environment={"B": "2"})
    assert (b"hello you 1 2\n", "1.10") == (run.stdout, run.task.resolved.software_version)
    broken = await house.run("hello", software={**wanted, "version": "1.9"})
    assert (State.FAILED, "software-unavailable") == (broken.task.state, broken.task.reason.code)
    refused = await house.run("hello", software={**wanted, "version": "1.8"})
    assert ("software-unavailable", "no licence") == (refused.task.reason.code, refused.task.reason.detail)


async def test_logs_are_the_bytes_as_written(house):
    """Both logs come home byte for byte, apart, and opening /dev/stderr anew cuts nothing off."""
    script = r"printf 'a\000\377'; echo 1 >&2; echo 2 >/dev/stderr; echo 3 >&2; echo b >/dev/stdout; printf c"
    run = await house.run("sh", "-c", script)
    assert (b"a\x00\xffb\nc", b"1\n2\n3\n") == (run.stdout, run.stderr)


async def test_standard_input_is_empty(house):
    """A command that reads its standard input finds the end of it."""
    assert 0 == (await house.run("cat")).task.exit_code


async def test_at_most_so_many_tasks_run_at_once_in_order(house):
    """Of an array, no more tasks than the limit run at once; the others are queued and begin in order."""
    log = house.root.parent / "order"
    script = f'echo "+ $CC_TASK_INDEX" >>{log}; sleep 0.05; echo "- $CC_TASK_INDEX" >>{log}'
    run = await house.submit(house.spec("sh", "-c", script, array={"count": 20}), 20)
    await house.observe(run)
    assert State.QUEUED == run.seen[19].state
    await house.end(run)
    running = most = 0
    for line in log.read_text().splitlines():
        running += 1 if line.startswith("+") else -1
        most = max(most, running)
    assert 2 == most
    begun = [int(line[2:]) for line in log.read_text().splitlines() if line.startswith("+")]
    assert all(abs(place - index) <= 1 for place, index in enumerate(begun))


async def test_an_array_of_300_tiny_tasks(house):
    """Every task of an array runs once and its log is its own."""
    counter = house.root.parent / "ran"
    script = f"echo $CC_TASK_INDEX >>{counter}; echo {{{{CC_TASK_INDEX}}}} of $CC_TASK_COUNT"
    run = await house.run("sh", "-c", script, array={"count": 300}, count=300)
    assert {State.SUCCEEDED} == {seen.state for seen in run.seen.values()}
    assert sorted(map(str, range(300))) == sorted(counter.read_text().split())
    assert [f"{index} of 300\n".encode() for index in range(300)] == [
        run.logs[index, "stdout"] for index in range(300)
    ]


async def test_parts_of_many_jobs_start_in_the_order_of_submission(house):
    """A batch goes over in one call, and its parts take their turns in its order."""
    log = house.root.parent / "order"
    house.reopen(max_running=1)
    batch = [house.submission(house.spec("sh", "-c", f"echo {number} >>{log}")) for number in range(12)]
    answers = await house.connector.submit(batch)
    assert [one.part.key for one in batch] == [answer.key for answer in answers]
    async with asyncio.timeout(30):
        while not log.exists() or len(log.read_text().split()) < 12:
            await house.connector.observe([LivePart(one.part, [0]) for one in batch])
    assert [str(number) for number in range(12)] == log.read_text().split()
