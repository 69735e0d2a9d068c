"""Callers on a real cluster: none of them reaches another's jobs, and whatever they send, nothing but jobs comes of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import BEHIND_LINKS, NO_LINKS, check_names, check_words, links_job, names_job, words_job
from served_slurm import ANNA, CORA, RUNTIMES, SHELL, Server, job
from strangers import check_keys_and_pages, check_nobody_reaches

pytestmark = [pytest.mark.real, pytest.mark.needs("slurm"), pytest.mark.timeout(1200)]

WAIT = "id -un; ls -ld . ..; pwd; echo mine >mine; sleep 3"


def shown(facility: str, **software: Any) -> dict[str, Any]:
    """Give the body of a job that writes down what its command was given, in some software."""
    return words_job(job, facility, software=software)


@pytest.fixture(scope="module")
def submitted(server: Server) -> Iterator[dict[str, str]]:
    """Submit what anna wants done, and give the ids of her jobs."""
    yield server.submit(
        {
            "ended": job("/bin/sh", "-c", WAIT, outputs=[{"path": "mine"}]),
            "live": job("/bin/sh", "-c", "sleep 300", resources={"wall_time_seconds": 600}),
            "words": shown(RUNTIMES[0], **SHELL),
            "words in a container": shown(RUNTIMES[0], kind="container", image=server.image),
            "names": names_job(job, RUNTIMES[0]),
            "links": links_job(job, RUNTIMES[0], "**"),
            "behind links": links_job(job, RUNTIMES[0], *BEHIND_LINKS),
        }
    )
    server.clean_up()


def test_nobody_reaches_the_job_of_another(server: Server, submitted: dict[str, str]) -> None:
    """On every operation, a live and an ended job of anna's are to cora what a job is that never was."""
    server.succeeded(submitted["ended"])
    check_nobody_reaches(server, ANNA, CORA, submitted["ended"], submitted["live"])
    assert set(submitted.values()).isdisjoint(each["id"] for each in server.clients[CORA].list_jobs())


def test_a_key_and_a_page_are_the_callers_own(server: Server, submitted: dict[str, str]) -> None:
    """The same idempotency key makes a job for each caller, and a page's token is good for who got it."""
    check_keys_and_pages(server, [ANNA, CORA], job("true"))


def test_jobs_run_as_their_callers(server: Server, submitted: dict[str, str]) -> None:
    """A job runs in its caller's account, and another one's job can neither read its files nor end it."""
    server.succeeded(submitted["ended"])
    account, *modes, place = server.log(submitted["ended"], "stdout").decode().splitlines()
    assert ("alice", {"drwx------"}) == (account, {mode.split()[0].rstrip("+.") for mode in modes})
    assert "mine\n" == (server.homes.parent / place.lstrip("/") / "mine").read_text()
    native = server.clients[ANNA].get_job(submitted["live"])["native"]["id"]
    script = (
        f"id -un; cat '{place}/mine' || echo no file; squeue -h -j {native} || echo no job; scancel {native}"
    )
    theirs = server.clients[CORA].submit_job(job("/bin/sh", "-c", script))["id"]
    assert "exit-nonzero" == server.ended(theirs, CORA)["reason"]["code"]
    assert b"carol\nno file\nno job\n" == server.log(theirs, "stdout", CORA)
    assert b"Access/permission denied" in server.log(theirs, "stderr", CORA)
    assert "running" == server.clients[ANNA].get_job(submitted["live"])["state"]


@pytest.mark.parametrize("where", ["words", "words in a container"])
def test_words_arrive_byte_for_byte(
    server: Server, submitted: dict[str, str], tmp_path: Path, where: str
) -> None:
    """Every argument and every variable reaches the process as it was sent, and nothing of the server's does."""
    _check_words(server, submitted[where], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("runtime", RUNTIMES[1:])
def test_words_in_the_other_runtimes(server: Server, tmp_path: Path, runtime: str) -> None:
    """Whatever container runtime the cluster has, words arrive byte for byte."""
    server.let_in(ANNA, runtime)
    body = shown(runtime, kind="container", image=server.image)
    _check_words(server, server.clients[ANNA].submit_job(body)["id"], tmp_path)


def _check_words(server: Server, job_id: str, room: Path) -> None:
    server.succeeded(job_id)
    check_words(server.results(job_id, room), b"SLURM", b"SBATCH", b"SSH", b"XDG")


def test_files_come_home_under_any_name(server: Server, submitted: dict[str, str], tmp_path: Path) -> None:
    """Files of any name go in and come home by it, with their bytes, below the directory of the download."""
    server.succeeded(submitted["names"])
    check_names(server.results(submitted["names"], tmp_path / "results"))
    assert ["results"] == [path.name for path in tmp_path.iterdir()]
    for result in server.clients[ANNA].list_results(submitted["names"]):
        answer = server.call(ANNA, "GET", f"/jobs/{submitted['names']}/results/{result['id']}")
        named = answer.headers["content-disposition"]
        assert named.startswith("attachment; filename=")
        assert named.isascii()
        assert named.isprintable()


def test_no_link_is_followed(server: Server, submitted: dict[str, str], tmp_path: Path) -> None:
    """Of links to files and to directories, and of a directory that became a link, nothing comes home."""
    server.succeeded(submitted["links"])
    assert NO_LINKS == server.results(submitted["links"], tmp_path)
    ended = server.ended(submitted["behind links"])
    assert ("failed", "output-missing", 0) == (ended["state"], ended["reason"]["code"], ended["exit_code"])
    assert [] == list(server.clients[ANNA].list_results(ended["id"]))


def test_directories_that_are_swapped_meanwhile_give_nothing_foreign(server: Server, tmp_path: Path) -> None:
    """While directories turn into links and back, what comes home are the files that were in them, or nothing."""
    folders = [f"d{number}" for number in range(30)]
    script = 'for each; do mkdir "$each"; echo mine >"$each/passwd"; done; sleep 1'
    outputs = [{"path": "d*/passwd", "required": False}]
    body = job("/bin/sh", "-c", script, "sh", *folders, outputs=outputs)
    job_id = server.clients[ANNA].submit_job(body)["id"]
    pattern = f"alice/.served-*/*/parts/{job_id}.*/tasks/0/work"
    while not (works := [each for each in server.homes.glob(pattern) if (each / "d29" / "passwd").exists()]):
        threading.Event().wait(0.05)
    over = threading.Event()
    swapping = threading.Thread(target=_swap, args=(works[0], folders, over))
    swapping.start()
    try:
        ended = server.ended(job_id)
    finally:
        over.set()
        swapping.join()
    assert 0 == ended["exit_code"]
    assert {b"mine\n"} >= set(server.results(job_id, tmp_path).values())
    server.clients[ANNA].release_job(job_id)


def _swap(work: Path, folders: list[str], over: threading.Event) -> None:
    """Let one half of the folders be links to /etc while the other half is not, by turns, until it is over."""
    linked: list[str] = []
    turn = 0
    while linked or not over.is_set():
        for each in linked:
            (work / each).unlink()
            (work / f"away-{each}").rename(work / each)
        linked = [] if over.is_set() else folders[turn % 2 :: 2]
        for each in linked:
            (work / each).rename(work / f"away-{each}")
            (work / each).symlink_to("/etc")
        turn += 1
        over.wait(0.01)


@pytest.mark.parametrize(
    "members",
    [
        {"resources": {"queue": "debug --wrap=id"}},
        {"inputs": [{"path": "../x", "source": {"kind": "inline", "content_base64": ""}}]},
        {"inputs": [{"path": "a\nb", "source": {"kind": "inline", "content_base64": ""}}]},
        {"outputs": [{"path": "../../../etc/passwd"}]},
        {"outputs": [{"path": "/etc/passwd"}]},
        {"command": ["a\0b"]},
        {"environment": {"A=B": "c"}},
        {"environment": {"A\nB": "c"}},
    ],
    ids=["queue", "input above", "input", "output above", "output", "NUL", "equals sign", "newline"],
)
def test_what_no_job_may_hold_is_refused(server: Server, members: dict[str, Any]) -> None:
    """A path that leaves the job's directory, or a word that cannot be one, is 422 with a pointer to it."""
    answer = server.call(ANNA, "POST", "/jobs", json={**job("true"), **members})
    (name,) = members
    pointers = [error["pointer"].split("/")[1] for error in answer.json()["errors"]]
    assert (422, [name]) == (answer.status_code, pointers)


@pytest.mark.parametrize("project", ["x; touch /tmp/x", "--wrap=id", "a,b", "$(id)"])
def test_a_project_that_is_none_never_reaches_slurm(server: Server, project: str) -> None:
    """A project that could be no account of Slurm's ends the job, in words, before sbatch is called."""
    ended = server.ended(server.clients[ANNA].submit_job(job("true", project=project))["id"])
    assert ("failed", "submission-rejected") == (ended["state"], ended["reason"]["code"])
    assert ended["reason"]["detail"].startswith(f"there is no account {project!r} here")
    assert "native" not in ended
