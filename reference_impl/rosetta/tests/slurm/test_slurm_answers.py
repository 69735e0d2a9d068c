"""What the words of Slurm's commands mean: refusals, a Slurm that is away, what a probe tells."""

from pathlib import Path

import pytest

from common_compute_connector.protocol import Deferred, PartKey, Refused, Unknown
from common_compute_rosetta.configuration import Settings, Software
from common_compute_rosetta.records import Garbled, read_machine
from common_compute_rosetta.slurm_describe import facility_document
from common_compute_rosetta.slurm_probe import Partition, read_cluster, read_duration
from common_compute_rosetta.slurm_queue import (
    Submitted,
    is_away,
    judge,
    read_sacct,
    read_squeue,
    read_submissions,
)
from common_compute_rosetta.slurm_settings import SlurmSettings

RECORDED = Path(__file__).parent / "recorded"
KEY = PartKey("job", 0)
FAILED = "sbatch: error: Batch job submission failed: "


@pytest.mark.parametrize(
    ("exit_code", "words", "outcome"),
    [
        (1, f"{FAILED}More processors requested than permitted", "submission-rejected"),
        (1, f"{FAILED}Requested time limit is invalid (missing or exceeds some limit)", "submission-rejected"),
        (1, f"sbatch: error: invalid partition specified: x {FAILED}Invalid partition name specified", "submission-rejected"),
        (1, f"{FAILED}Invalid account or account/partition combination specified", "submission-rejected"),
        (1, f"{FAILED}Invalid job array specification", "submission-rejected"),
        (1, f"sbatch: error: Memory specification can not be satisfied {FAILED}Requested node configuration is not available", "submission-rejected"),
        (1, f"{FAILED}Invalid feature specification", "submission-rejected"),
        (1, "sbatch: error: Invalid generic resource (gres) specification", "submission-rejected"),
        (1, "sbatch: error: Invalid --time specification", "submission-rejected"),
        (1, f"{FAILED}Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "quota-exceeded"),
        (1, f"sbatch: error: QOSMaxSubmitJobPerUserLimit {FAILED}Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "deferred"),
        (1, f"sbatch: error: AssocMaxSubmitJobLimit {FAILED}Job violates accounting/QOS policy", "deferred"),
        (1, f"{FAILED}Unable to contact slurm controller (connect failure)", "deferred"),
        (1, f"{FAILED}Protocol authentication error", "deferred"),
        (1, "sbatch: error: Munge encode failed: Failed to access \"/run/munge/munge.socket.2\"", "deferred"),
        (1, f"{FAILED}Resource temporarily unavailable", "deferred"),
        (127, "timeout: failed to run command 'sbatch': No such file or directory", "deferred"),
        (1, f"{FAILED}Socket timed out on send/recv operation", "unknown"),
        (1, f"{FAILED}Zero Bytes were transmitted or received", "unknown"),
        (124, "", "unknown"),
        (137, "", "unknown"),
        (0, "", "unknown"),
    ],
)  # fmt: skip
def test_an_sbatch_without_an_id(exit_code, words, outcome):
    """A refusal is final and in Slurm's words; what may pass is tried again; what may have happened is looked for."""
    answer = judge(KEY, exit_code, words)
    assert KEY == answer.key
    if isinstance(answer, Refused):
        assert outcome == answer.reason.code
        assert "sbatch: error:" not in answer.reason.detail
        assert answer.reason.detail
    else:
        assert isinstance(answer, {"deferred": Deferred, "unknown": Unknown}[outcome])


@pytest.mark.parametrize(
    ("words", "away"),
    [
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", True),
        ("scancel: error: Kill job error on job id 1: Unable to contact slurm controller (connect failure)", True),
        ("slurm_load_jobs error: Socket timed out on send/recv operation", True),
        ("scancel: error: Kill job error on job id 1: Invalid job id specified", False),
        ("scancel: error: Kill job error on job id 1: Access/permission denied", False),
        ("scancel: error: Kill job error on job id 2: Job/step already completing or completed", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_slurm_that_is_away(words, away):
    """That Slurm cannot be reached is told from all else that its commands complain of."""
    assert away == is_away(words)


def test_the_answer_to_a_submission():
    """Each part has its line; an answer that breaks off, or has another word, is none."""
    answer = b"submitted a.0 17\nthere b.1\nuntried c.0\ntried d.0 1 sbatch: error: Invalid --time specification \n.\n"
    first, second, third, fourth = read_submissions(answer)
    assert Submitted(PartKey("a", 0), "17") == first
    assert (Unknown, PartKey("b", 1)) == (type(second), second.key)
    assert (Deferred, Refused) == (type(third), type(fourth))
    for broken in (b"", answer[:-2], b"done a.0\n.\n"):
        with pytest.raises(Garbled):
            read_submissions(broken)


def test_rows():
    """Exit codes are wait statuses or CODE:SIGNAL; lines of sacct that are no job's are none, whatever is in names."""
    columns = ["17", "N/A", "n", "FAILED", "0", "N/A", "Unknown", "768", "", "None"]
    assert (3, 0, None, None, "") == (
        (found := read_squeue(columns)).code,
        found.signal,
        found.started_at,
        found.finished_at,
        found.words,
    )
    for text, expected in (
        ("4021", (0, 53)),
        ("253", (0, 125)),
        ("3:0", (3, 0)),
        ("0:9", (0, 9)),
        ("", (0, 0)),
    ):
        found = read_squeue([*columns[:7], text, *columns[8:]])
        assert expected == (found.code, found.signal)
    (found,) = read_sacct("17_4|CANCELLED by 0|2026-11-26T05:50:47|Unknown|0:0|node1|a|b c")
    assert ("17", 4, "CANCELLED", 0, "a|b c") == (
        found.job,
        found.element,
        found.state,
        found.cancelled_by,
        found.name,
    )
    for line in (
        "",
        "17.batch|COMPLETED|||0:0||x",
        "17_[0-3]|PENDING|Unknown|Unknown|0:0||x",
        "sacct: error: x",
    ):
        assert [] == read_sacct(line)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:05:00", 300),
        ("1-00:00:00", 86_400),
        ("30:00", 1800),
        ("UNLIMITED", None),
        ("NONE", None),
        ("", None),
    ],
)
def test_durations(text, seconds):
    """Slurm's durations have days and hours where they need them; what is no duration is no limit."""
    assert seconds == read_duration(text)


def cluster(name: str = "cluster"):
    return read_cluster((RECORDED / f"probe-{name}.txt").read_bytes())


def test_what_a_probe_tells():
    """Version, limits, partitions with what their nodes have, books, and what is enforced are all in one answer."""
    found = cluster()
    assert ("alice", 22601, "22.05.8") == (found.account, found.uid, found.version)
    assert (True, 10_001, 5, True, False) == (
        found.accounting,
        found.max_array_tasks,
        found.kill_wait_seconds,
        found.memory_enforced,
        found.cores_enforced,
    )
    assert [
        Partition("debug", False, True, 300, 60, 8, 8000 * 2**20, 0),
        Partition("batch", True, True, 86_400, 600, 8, 8000 * 2**20, 0),
    ] == list(found.partitions)
    other = cluster("unaccounted")
    assert (False, 1001) == (other.accounting, other.max_array_tasks)
    assert "alice" == found.account == other.account


def test_gpus_and_nodes_that_are_down():
    """GPUs are counted by node; a partition none of whose nodes is of use is not up."""
    text = (RECORDED / "probe-cluster.txt").read_bytes()
    gpus = text.replace(b"nodes\tbatch|8|8000|(null)", b"nodes\tbatch|64+|512000|gpu:a100:4(S:0-1),gpu:t4:2")
    (_, batch) = read_cluster(gpus).partitions
    assert (64, 512_000 * 2**20, 6) == (batch.cores, batch.memory_bytes, batch.gpus)
    (debug, batch) = read_cluster(text.replace(b"|1|idle", b"|1|down*")).partitions
    assert (False, True) == (debug.up, batch.up)
    (debug, _) = read_cluster(
        text.replace(b"DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED", b"MaxMemPerNode=100")
    ).partitions
    assert 100 * 2**20 == debug.memory_bytes


def test_a_probe_that_breaks_off():
    """Half a probe is none."""
    text = (RECORDED / "probe-cluster.txt").read_bytes()
    for broken in (b"", text[:-2], text.replace(b"slurm_uid\t22601", b"slurm_uid\t")):
        with pytest.raises(Garbled):
            read_cluster(broken)


def settings(**slurm) -> Settings:
    software = (Software("posix-shell", "system", True),)
    return Settings("here", "/r", "here", "x", software=software, slurm=SlurmSettings(**slurm))


def test_the_facility_document():
    """The document tells partitions as queues, Slurm's units, what is enforced, and what its codes can tell apart."""
    machine = read_machine((RECORDED / "probe-cluster.txt").read_bytes())
    document = facility_document(settings(), machine, cluster())
    assert {"kind": "slurm", "version": "22.05.8"} == document["scheduler"]
    assert [("debug", False, 300), ("batch", True, 86_400)] == [
        (queue["name"], queue["default"], queue["max_wall_time_seconds"]) for queue in document["queues"]
    ]
    assert {"support": "enforced", "max": 86_400, "default": 600, "granularity": 60} == document["resources"][
        "wall_time_seconds"
    ]
    assert {"support": "enforced", "max": 8000 * 2**20, "granularity": 2**20} == document["resources"][
        "memory_bytes"
    ]
    assert {"support": "enforced", "default": "batch"} == document["resources"]["queue"]
    assert ({"support": "unsupported"}, 5) == (
        document["resources"]["gpus"],
        document["limits"]["cancel_grace_seconds"],
    )
    assert {"preempted", "cancelled-by-facility", "out-of-memory", "signal"} <= set(document["reason_codes"])
    assert "backend_parameters" not in document
    assert "status" not in document
    unasked = facility_document(settings(), None, None)
    assert ([], {"kind": "slurm"}) == (unasked["queues"], unasked["scheduler"])


def test_the_settings_narrow_what_is_offered():
    """Only queues that are named are offered; what jobs may ask for besides is a closed schema; limits can be lowered."""
    machine = read_machine((RECORDED / "probe-cluster.txt").read_bytes())
    narrow = settings(queues=("debug", "nowhere"), qos=("long",), constraints=("avx",), exclusive=True)
    document = facility_document(narrow, machine, cluster())
    assert ["debug"] == [queue["name"] for queue in document["queues"]]
    assert 300 == document["resources"]["wall_time_seconds"]["max"]
    schema = document["backend_parameters"]
    assert (False, {"qos", "constraint", "exclusive"}) == (
        schema["additionalProperties"],
        set(schema["properties"]),
    )
    down = (RECORDED / "probe-cluster.txt").read_bytes().replace(b"|idle", b"|drained")
    assert "degraded" == facility_document(settings(), machine, read_cluster(down))["status"]["state"]
