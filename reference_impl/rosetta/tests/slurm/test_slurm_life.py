"""What a command finds in a job of Slurm's, and what is told of its life and end."""

import base64
import json
import re
from collections import Counter

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import LivePart

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm")]

REAPERS = ["perl", "python3", "none"]
SIGNALS = [1, 2, 3, 6, 9, 11, 13, 15]


def use_reaper(house, reaper: str) -> None:
    object.__setattr__(house.connector._machine, "reaper", reaper)


async def test_a_job_goes_from_the_queue_to_its_end(make_house, cluster):
    """A job is queued, running, and ended, with true times in order, its exit code and its place."""
    house = make_house(cluster, options=["--begin=now+3"])
    run = await house.submit(house.spec("sh", "-c", "echo out; sleep 2; echo err >&2"))
    await house.collect(await house.end(run))
    assert ["queued", "running", "succeeded"] == run.history[0]
    assert (0, None, None) == (run.task.exit_code, run.task.signal, run.task.reason)
    assert 2 <= (run.task.finished_at - run.task.started_at).total_seconds() < 20
    assert abs((house.clock.now() - run.task.finished_at).total_seconds()) < 60
    assert (b"out\n", b"err\n") == (run.stdout, run.stderr)
    assert (house.job_of(run), "COMPLETED") == (run.task.native.id, run.task.native.state)
    assert ("system", True) == (run.task.resolved.software_version, bool(run.task.resolved.host))


async def test_times_are_those_of_the_command(house):
    """Start and end are what the command itself saw, to a fraction of a second."""
    run = await house.run("sh", "-c", "date +%s.%N; sleep 1.3; date +%s.%N")
    began, ended = (float(line) for line in run.stdout.split())
    assert abs(began - run.task.started_at.timestamp()) < 0.7
    assert abs(ended - run.task.finished_at.timestamp()) < 0.7
    assert 0 < run.task.started_at.microsecond < 1_000_000


async def test_exit_codes_are_the_commands_own(house):
    """Every exit code from 0 to 255 is told as it is, and Slurm hears the same."""
    run = await house.submit(house.spec("sh", "-c", "exit $CC_TASK_INDEX", array={"count": 256}), 256)
    await house.end(run)
    assert [(code, None) for code in range(256)] == [
        (run.seen[index].exit_code, run.seen[index].signal) for index in range(256)
    ]
    assert Counter({"exit-nonzero": 255, None: 1}) == Counter(
        seen.reason.code if seen.reason else None for seen in run.seen.values()
    )
    assert "ExitCode 42:0, NonZeroExitCode" == run.seen[42].native.detail


@pytest.mark.parametrize("reaper", REAPERS)
async def test_a_death_by_signal_is_a_signal(house, reaper):
    """Death by signal n is told as signal n, whichever signal, or as 128+n where nobody can tell."""
    await house.connector.describe()
    use_reaper(house, reaper)
    deaths = [f"kill -{number} $$; sleep 5" for number in SIGNALS]
    parameters = [{"DO": do} for do in [*deaths, "exit 0", "exit 129", "exit 255"]]
    spec = house.spec("sh", "-c", "{{DO}}", array={"parameters": parameters})
    run = await house.end(await house.submit(spec, len(parameters)))
    expected = [(128 + n, None) if reaper == "none" else (None, n) for n in SIGNALS]
    expected += [(0, None), (129, None), (255, None)]
    assert expected == [(run.seen[i].exit_code, run.seen[i].signal) for i in range(len(parameters))]


async def test_a_command_that_is_not_there_is_told_from_one_that_says_so(house):
    """A command that cannot be found fails as command-not-found; one that ends with 127 does not."""
    parameters = [{"C": "no-such-command"}, {"C": "exit 127"}]
    run = await house.run("sh", "-c", "$C", array={"parameters": parameters}, count=2)
    assert ["exit-nonzero"] * 2 == [run.seen[i].reason.code for i in range(2)]
    missing = await house.run("no-such-command")
    assert (127, "command-not-found") == (missing.task.exit_code, missing.task.reason.code)


async def test_the_environment_is_exactly_what_the_contract_says(house):
    """A process sees PATH, HOME, TMPDIR, LANG, the job's environment, and nothing of Slurm's or the login's."""
    run = await house.run("env", environment={"A": "1", "HOME": "/x", "SLURM_JOB_ID": "mine"})
    work = f"{house.there}/facility/test-service/parts/{run.part.key.job_id}.0/tasks/0"
    expected = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": f"{work}/tmp",
        "LANG": "C.UTF-8",
        "HOME": "/x",
        "A": "1",
        "SLURM_JOB_ID": "mine",
        "CC_JOB_ID": run.part.key.job_id,
        "CC_TASK_INDEX": "0",
        "CC_TASK_COUNT": "1",
    }
    assert expected == dict(line.split("=", 1) for line in run.stdout.decode().splitlines())


async def test_the_working_directory_and_the_logs(house):
    """Inputs lie in a fresh working directory; logs are the bytes as written; standard input is empty."""
    inputs = [
        {
            "path": "data/in.bin",
            "source": {"kind": "inline", "content_base64": base64.b64encode(b"\x00\xff\n").decode()},
        }
    ]
    script = r"""
        [ "$(pwd)" = "$HOME" ] && find . | sort; cat data/in.bin; cat
        echo 1 >&2; echo 2 >/dev/stderr; echo 3 >&2; echo b >/dev/stdout; printf c; echo x >result
    """
    run = await house.run("sh", "-c", script, inputs=inputs, outputs=[{"path": "*"}])
    assert (b".\n./data\n./data/in.bin\n\x00\xff\nb\nc", b"1\n2\n3\n") == (run.stdout, run.stderr)
    assert {(0, "result"): b"x\n"} == run.results


async def test_a_log_can_be_read_while_it_grows(house):
    """A range of a running task's log is a prefix of what comes in the end."""
    wait = 'while [ ! -e "$HOME/go" ]; do sleep 0.1; done'
    run = await house.submit(house.spec("sh", "-c", f"printf 0123456789; {wait}; printf abc"))
    await house.until(run, "running")
    size = 0
    while size < 10:
        found = await house.connector.read_log(run.part, 0, "stdout", 3, 5)
        size = found.size_bytes
        assert (b"34" if size else b"") == b"".join([chunk async for chunk in found.chunks])
    (house.task_directory(run) / "work" / "go").touch()
    await house.collect(await house.end(run))
    assert b"0123456789abc" == run.stdout


async def test_an_array_is_one_submission_and_runs_each_index_once(house):
    """An array of 300 is one job of Slurm's; every index runs once, and its log is its own."""
    script = f"echo $CC_TASK_INDEX >>{house.there}/ran; echo {{{{CC_TASK_INDEX}}}} of $CC_TASK_COUNT"
    run = await house.run("sh", "-c", script, array={"count": 300}, count=300)
    assert {State.SUCCEEDED} == {seen.state for seen in run.seen.values()}
    assert sorted(map(str, range(300))) == sorted((house.root.parent / "ran").read_text().split())
    assert [f"{i} of 300\n".encode() for i in range(300)] == [run.logs[i, "stdout"] for i in range(300)]
    assert {f"{house.job_of(run)}_{i}" for i in range(300)} == {s.native.id for s in run.seen.values()}


async def test_parts_beyond_the_largest_array_are_offset(make_house, unaccounted):
    """A part whose indices lie above Slurm's MaxArraySize runs under its own indices."""
    house = make_house(unaccounted)
    spec = house.spec("sh", "-c", "echo $CC_TASK_INDEX {{CC_TASK_INDEX}}; exit 7", array={"count": 5003})
    submission = house.submission(spec, count=5003)
    part = type(submission.part)(submission.part.key, "anonymous", 5000, 3)
    alone = type(submission.part)(type(part.key)(part.key.job_id, 1), "anonymous", 4999, 1)
    answers = await house.connector.submit([type(submission)(one, spec, 5003) for one in (part, alone)])
    handles = {answer.key: answer.handle for answer in answers}
    runs = [house_run(house, spec, one, handles[one.key]) for one in (part, alone)]
    for run in runs:
        await house.collect(await house.end(run))
    indices = [5000, 5001, 5002]
    assert [f"{i} {i}\n".encode() for i in indices] == [runs[0].logs[i, "stdout"] for i in indices]
    assert (b"4999 4999\n", 7) == (runs[1].stdout, runs[1].task.exit_code)
    job = house.job_of(runs[0])
    assert [f"{job}_0", f"{job}_1", f"{job}_2"] == [runs[0].seen[i].native.id for i in indices]


def house_run(house, spec, part, handle):
    run_type = house.run_type
    return run_type(spec, type(part)(part.key, part.owner, part.first_index, part.task_count, handle))


async def test_a_batch_is_one_call_with_one_sbatch_for_each_part(house):
    """Parts of many jobs go over in one call, and each is a job of its own."""
    await house.connector.describe()
    before = len(house.told.answers)
    batch = [house.submission(house.spec("sh", "-c", f"exit {number}")) for number in range(12)]
    answers = await house.connector.submit(batch)
    assert 1 == len(house.told.answers) - before
    handles = {answer.key: answer.handle for answer in answers}
    assert 12 == len({json.loads(handle)["job"] for handle in handles.values()})
    runs = [house_run(house, one.spec, one.part, handles[one.part.key]) for one in batch]
    for run in runs:
        await house.end(run)
    assert list(range(12)) == [run.task.exit_code for run in runs]


async def test_limits_reach_slurm(house):
    """Cores, memory and wall time are Slurm's to see, rounded up to what it counts in; the queue is its partition."""
    resources = {
        "cpu_cores": 2,
        "memory_bytes": 100_000_001,
        "wall_time_seconds": 61,
        "queue": "debug",
    }
    run = await house.submit(house.spec("sleep", "60", resources=resources, project="science"))
    columns = ("NumCPUs", "MinMemory", "TimeLimit", "Partition", "Account", "Comment", "Name")
    form = ",".join(f"{column}:80|" for column in columns)
    told = (await house.as_user(f"squeue -h -j {house.job_of(run)} -O '{form}'")).split("|")
    key = f"{run.part.key.job_id}.0"
    expected = ["2", "96M", "2:00", "debug", "science", f"common-compute:test-service:{key}"]
    assert expected == [text.strip() for text in told[:6]]
    assert re.fullmatch(f"cc-[0-9a-f]{{8}}-{re.escape(key)}", told[6].strip())
    await house.connector.cancel([run.live])
    await house.end(run)


async def test_one_squeue_and_at_most_one_sacct_for_all_jobs(house):
    """However many jobs are alive, a look at them is one call with one squeue; the books are asked if need be."""
    count = '#!/bin/sh\necho {0} >>{1}/called\nexec /usr/bin/{0} "$@"\n'
    for name in ("squeue", "sacct", "scontrol"):
        house.install(name, count.format(name, house.there))
    called = house.root.parent / "called"
    runs = [await house.submit(house.spec("sleep", "30")) for _ in range(3)]
    spec = house.spec("sleep", "30", array={"count": 40})
    runs.append(await house.submit(spec, 40))
    lives = [run.live for run in runs]
    called.write_text("")
    before = len(house.told.answers)
    observed = await house.connector.observe(lives)
    assert [1, 1, 1, 40] == [len(one.tasks) for one in observed]
    assert (1, "squeue\n") == (len(house.told.answers) - before, called.read_text())
    # Somebody else's scancel, of which only the books tell by whom.
    await house.as_user(f"scancel {' '.join(house.job_of(run) for run in runs)}")
    called.write_text("")
    await house.connector.observe(lives)
    assert ["sacct", "squeue"] == sorted(called.read_text().split())
    for run in runs:
        await house.end(run)
    assert "cancelled-by-user" == runs[0].task.reason.code


async def test_what_the_account_has_set_for_itself_changes_nothing(house):
    """Variables by which a user bends Slurm's commands, or that are called as ours are, have no effect on our calls."""
    profile = house.cluster.files / "home" / house.user / ".bashrc"
    settings = {
        "SBATCH_PARTITION": "debug",
        "SBATCH_TIMELIMIT": "1",
        "SQUEUE_STATES": "FAILED",
        "SQUEUE_FORMAT2": "JobID",
        "SLURM_TIME_FORMAT": "%s",
        "SACCT_FORMAT": "JobID",
        "TZ": "Asia/Tokyo",
        "BASE": "/nowhere",
        "ACCOUNT": "bob",
        "IFS": "x",
        "LC_ALL": "de_DE",
    }
    profile.write_text("".join(f"export {name}='{value}'\n" for name, value in settings.items()))
    try:
        assert "Asia/Tokyo" in await house.as_user("echo $TZ")
        run = await house.submit(house.spec("sh", "-c", "env; sleep 1; exit 3"))
        told = await house.as_user(f"env -i PATH=$PATH squeue -h -j {house.job_of(run)} -o '%P %l'")
        await house.collect(await house.end(run))
    finally:
        profile.unlink()
    assert "batch 10:00\n" == told
    assert (3, b"Tokyo" in run.stdout) == (run.task.exit_code, False)
    assert abs((house.clock.now() - run.task.started_at).total_seconds()) < 60


async def test_what_has_long_ended_is_told_from_the_books(house):
    """A job that squeue has forgotten is told from sacct and the records, with its exit code and times."""
    run = await house.submit(house.spec("sh", "-c", "echo x; exit 3"))
    forgotten = await house.submit(house.spec("true"))
    await house.end(run)
    await house.end(forgotten)
    told = run.task
    house.install("squeue", "#!/bin/sh\n")
    run.seen.clear()
    await house.end(run)
    expected = (told.state, told.exit_code, told.started_at, told.finished_at, told.native.id)
    task = run.task
    assert expected == (task.state, task.exit_code, task.started_at, task.finished_at, task.native.id)
    (other,) = await house.connector.observe([LivePart(forgotten.part, [0])])
    assert State.SUCCEEDED == other.tasks[0].state
