"""A real DIRAC behind a server: certified with its users' credentials, and the use cases as they stand.

What is wanted done is submitted at once, and runs side by side as far as the one worker goes, and beside what
is certified. The pools come last: DIRAC draws its jobs by chance, and all others would wait among a hundred of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hostile import BEHIND_LINKS, NO_LINKS, check_names, check_words, links_job, names_job, words_job
from served_dirac import ALICE, BOB, ON_BEHALF, SERVICE, SHELL, USER, GridServer, job
from strangers import check_keys_and_pages, check_nobody_reaches
from use_cases import excesses, run_here, use_case

from common_compute_dirac.jdl import group_name

pytestmark = [pytest.mark.real, pytest.mark.needs("dirac"), pytest.mark.timeout(900)]

OLD, NEW = "v0.19.2", "v0.21.1"
POOLS = 100
"""As many as DIRAC takes with one description; it takes minutes."""

CLASSES = {
    *("core", "software", "arrays", "ranges", "credentials"),
    *("watch", "validation", "access"),
}


@pytest.fixture(scope="module")
def certifying(
    grid_server: GridServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[dict[str, Any]]]:
    """Certify beside what else is done: a certificate mostly waits for DIRAC."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit(grid_server.certify, ON_BEHALF, tmp_path_factory.mktemp("certificate"))


def _analysis(facility: str, **version: str) -> dict[str, Any]:
    """Give the body of CTA's use case, which tells beside what it tells anyway which version it found."""
    body = use_case("cta_installed_software", facility, SOFTWARE="ctapipe", VERSION="none")
    body["software"] = {"kind": "installed", "name": "ctapipe", **version}
    tell = 'ctapipe-process --version >version; exec "$@"'
    body["command"] = ["/bin/sh", "-c", tell, "sh", *body["command"]]
    body["outputs"].append({"path": "version"})
    return body


@pytest.fixture(scope="module")
def submitted(grid_server: GridServer, certifying: Future[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Submit what alice wants done, by her name and by her own proxy, and give the ids of her jobs.

    What is certified is under way by then.
    """
    mine = job("/bin/sh", "-c", "echo mine >mine", outputs=[{"path": "mine"}])
    yield grid_server.submit(
        {
            "live": job("/bin/sh", "-c", "sleep 600", resources={"wall_time_seconds": 900}),
            "ended": mine,
            "old": _analysis(ON_BEHALF, version=OLD),
            "default": _analysis(USER),
            "service": {**mine, "facility_id": SERVICE},
            "words": words_job(job, USER, software=SHELL),
            "names": names_job(job, ON_BEHALF),
            "links": links_job(job, USER, "**"),
            "behind links": links_job(job, ON_BEHALF, *BEHIND_LINKS),
        }
    )
    grid_server.clean_up()


@pytest.mark.parametrize(("wish", "version"), [("old", OLD), ("default", NEW)])
def test_cta_with_installed_software(
    grid_server: GridServer, submitted: dict[str, str], tmp_path: Path, wish: str, version: str
) -> None:
    """The version that is named runs, and the default where none is; the excess is that of the same command here."""
    ended = grid_server.succeeded(submitted[wish])
    assert version == ended["resolved"]["software_version"]
    results = grid_server.results(ended["id"], tmp_path / "out")
    assert f"ctapipe-process {version.removeprefix('v')}\n".encode() == results.pop("version")
    assert run_here("cta_installed_software", "excess.csv", tmp_path / "here") == results


@pytest.mark.parametrize(
    ("software", "pointer"),
    [
        ({"name": "ctapipe", "version": "v0.20.0"}, "/software/version"),
        ({"name": "gammapy"}, "/software/name"),
        ({"name": "posix-shell", "version": "; id"}, "/software/version"),
    ],
    ids=["version", "name", "a word for the shell"],
)
def test_software_that_is_not_there_is_refused(
    grid_server: GridServer, software: dict[str, str], pointer: str
) -> None:
    """A version or a name that the catalogue has not is 422, with a pointer to it, and never gets to DIRAC."""
    body = job("true", software={"kind": "installed", **software})
    answer = grid_server.call(ALICE, "POST", "/jobs", json=body)
    assert 422 == answer.status_code
    assert [pointer] == [error["pointer"] for error in answer.json()["errors"]]


def test_nobody_reaches_the_job_of_another(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """On every operation, a live and an ended job of alice's are to bob what a job is that never was."""
    grid_server.succeeded(submitted["ended"])
    etag, running = None, False
    while not running:
        seen = grid_server.clients[ALICE].see_job(submitted["live"], etag=etag, wait_seconds=20)
        etag, running = seen.etag, seen.job is not None and seen.job["state"] == "running"
    check_nobody_reaches(grid_server, ALICE, BOB, submitted["ended"], submitted["live"])
    assert set(submitted.values()).isdisjoint(each["id"] for each in grid_server.clients[BOB].list_jobs())


def test_words_arrive_byte_for_byte(
    grid_server: GridServer, submitted: dict[str, str], tmp_path: Path
) -> None:
    """Every argument and every variable reaches the process as it was sent, and nothing of DIRAC's does."""
    grid_server.succeeded(submitted["words"])
    check_words(grid_server.results(submitted["words"], tmp_path), b"DIRAC", b"X509", b"JOB", b"SSH")


def test_files_come_home_under_any_name(
    grid_server: GridServer, submitted: dict[str, str], tmp_path: Path
) -> None:
    """Files of any name go in and come home by it, with their bytes."""
    grid_server.succeeded(submitted["names"])
    check_names(grid_server.results(submitted["names"], tmp_path / "results"))
    assert ["results"] == [path.name for path in tmp_path.iterdir()]


def test_no_link_is_followed(grid_server: GridServer, submitted: dict[str, str], tmp_path: Path) -> None:
    """Of links to files and to directories, and of a directory that became a link, nothing comes home."""
    grid_server.succeeded(submitted["links"])
    assert NO_LINKS == grid_server.results(submitted["links"], tmp_path)
    ended = grid_server.ended(submitted["behind links"])
    assert ("failed", "output-missing", 0) == (ended["state"], ended["reason"]["code"], ended["exit_code"])
    assert [] == list(grid_server.clients[ALICE].list_results(ended["id"]))


def _claimed(certificate: dict[str, Any]) -> set[str]:
    return {name for name, entry in certificate["classes"].items() if entry["claimed"]}


def test_it_is_certified(certifying: Future[dict[str, Any]]) -> None:
    """Where callers are named by a trusted host, the contract is kept.

    Until then bob has no credential at times; what he does comes after it.
    """
    assert _claimed(certifying.result()) >= CLASSES


def test_it_is_certified_with_proxies(grid_server: GridServer, tmp_path: Path) -> None:
    """Where callers are shown by their own proxies, the contract is kept as well."""
    assert _claimed(grid_server.certify(USER, tmp_path)) >= CLASSES


def test_a_key_and_a_page_are_the_callers_own(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """The same idempotency key makes a job for each caller, and a page's token is good for who got it."""
    check_keys_and_pages(grid_server, [ALICE, BOB], job("true"))


def _secrets(server: GridServer) -> set[bytes]:
    """Give what is in no log, answer or store: all lines of keys and proxies, and how any such text begins."""
    grid = server.grid
    files = [
        grid[host][name] for host in ("connector", "fetching_connector") for name in ("certificate", "key")
    ]
    for user in grid["users"].values():
        files += [user["certificate"], user["key"], *user["proxies"].values()]
    lines = {line for file in files for line in Path(file).read_bytes().splitlines() if len(line) == 64}
    # The proxies that were fetched are nowhere to be read: their key is DIRAC's client's own. The last three are
    # how "-----BEGIN " begins in base64, wherever in a text it stands.
    return lines | {b"PRIVATE KEY", b"BEGIN CERT", b"LS0tLS1CRUdJT", b"0tLS0tQkVHSU4g", b"tLS0tLUJFR0lOI"}


def _answers(server: GridServer) -> Iterator[tuple[str, bytes]]:
    """Give what the server answers to both callers, by its paths."""
    for token, client in server.clients.items():
        paths = ["/service", "/facilities", "/jobs"]
        for facility in (ON_BEHALF, USER, SERVICE):
            paths += [f"/facilities/{facility}{each}" for each in ("", "/credential", "/software")]
        for each in client.list_jobs():
            place = f"/jobs/{each['id']}"
            paths += [
                place,
                f"{place}/tasks",
                f"{place}/results",
                f"{place}/logs/stdout",
                f"{place}/logs/stderr",
            ]
        for path in paths:
            answer = server.call(token, "GET", path)
            yield path, b"\n".join([answer.content, *(value for _, value in answer.headers.raw)])


def test_no_key_and_no_proxy_is_told(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """When jobs have run in all three ways, no text of a key or a proxy is in a log, an answer or the store."""
    for name in ("old", "default", "service"):
        grid_server.succeeded(submitted[name])
    secrets = _secrets(grid_server)
    assert len(secrets) > 100
    told = dict(_answers(grid_server))
    kept = {
        str(file): file.read_bytes()
        for file in grid_server.room.rglob("*")
        if file.is_file() and file.name != "tokens"
    }
    assert {"log", "store.sqlite3"} <= {Path(file).name for file in kept}
    assert any(b"cta_user" in text for text in told.values())
    leaked = {where: secret for where, text in (told | kept).items() for secret in secrets if secret in text}
    assert {} == leaked
    rejected = grid_server.call(BOB, "PUT", f"/facilities/{USER}/credential", json={"group": "dirac_admin"})
    assert not [secret for secret in secrets if secret in rejected.content]


def test_pools_each_once(
    grid_server: GridServer, submitted: dict[str, str], on_grid: Any, tmp_path: Path
) -> None:
    """Each of many tasks is one of DIRAC's jobs and ran once, and left what its pool's runs add up to."""
    body = use_case("many_pools", ON_BEHALF, SOFTWARE="posix-shell", VERSION="system")
    body["array"]["parameters"] = body["array"]["parameters"][:POOLS]
    ended = grid_server.ended(grid_server.clients[ALICE].submit_job(body)["id"])
    counts = {name: count for name, count in ended["task_counts"].items() if count}
    assert {"total": POOLS, "succeeded": POOLS} == counts
    tasks = list(grid_server.clients[ALICE].list_tasks(ended["id"]))
    assert [(index, 1, 0) for index in range(POOLS)] == [
        (task["index"], task["attempt"], task["exit_code"]) for task in tasks
    ]
    look = """
from DIRAC.WorkloadManagementSystem.Client.JobMonitoringClient import JobMonitoringClient
answer = sorted(map(int, JobMonitoringClient().getJobs({"JobGroup": arguments[0]})["Value"]))
"""
    jobs = on_grid(look, group_name(ended["id"]), user="alice")
    assert jobs == sorted(int(task["native"]["id"]) for task in tasks)
    found = grid_server.results(ended["id"], tmp_path)
    expected = dict(list(excesses().items())[:POOLS])
    assert expected == {path: content.decode() for path, content in found.items()}
