"""The use cases as they stand, on a real cluster: over SSH, under Slurm, in containers and in installed software.

What they want done is submitted at once, and runs there side by side.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
import struct
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from served_slurm import ANNA, RUNTIMES, Server, job
from use_cases import CASES, excesses, run_here, use_case

pytestmark = [pytest.mark.real, pytest.mark.needs("slurm"), pytest.mark.timeout(1200)]

MINUTE, HOUR = 60, 3600
"""In seconds."""


@pytest.fixture(scope="module")
def submitted(server: Server) -> Iterator[dict[str, str]]:
    """Submit the use cases, and give the ids of their jobs."""
    at = RUNTIMES[0]
    (software,) = server.facility["software"]
    shell = {"SOFTWARE": "posix-shell", "VERSION": "system"}
    yield server.submit(
        {
            "timeseria_library": use_case("timeseria_library", at, VERSION=software["version"]),
            "cta_container": use_case("cta_container", at, IMAGE=server.image),
            "cta_installed_software": use_case("cta_installed_software", at, **shell),
            "many_pools": use_case("many_pools", at, **shell),
        }
    )
    server.clean_up()


def _check_spectrum(server: Server, job_id: str, room: Path) -> None:
    """See that the container's job ran by the image's digest, and gave what its command gives here."""
    ended = server.succeeded(job_id)
    assert server.image.partition("@")[2] == ended["resolved"]["image_digest"]
    expected = run_here("cta_container", "spectrum.csv", room / "here")
    assert expected == server.results(job_id, room / "out")


def test_cta_in_a_container_by_its_digest(server: Server, submitted: dict[str, str], tmp_path: Path) -> None:
    """The container comes from the registry by its digest, and the spectrum is that of the same command here."""
    _check_spectrum(server, submitted["cta_container"], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("runtime", RUNTIMES[1:])
def test_cta_in_the_other_runtimes(server: Server, tmp_path: Path, runtime: str) -> None:
    """Whatever container runtime the cluster has, the spectrum is the same."""
    server.let_in(ANNA, runtime)
    body = use_case("cta_container", runtime, IMAGE=server.image)
    _check_spectrum(server, server.clients[ANNA].submit_job(body)["id"], tmp_path)


def test_cta_with_installed_software(server: Server, submitted: dict[str, str], tmp_path: Path) -> None:
    """The software is the facility's own, in its version, and the excess is that of the same command here."""
    ended = server.succeeded(submitted["cta_installed_software"])
    assert "system" == ended["resolved"]["software_version"]
    expected = run_here("cta_installed_software", "excess.csv", tmp_path / "here")
    assert expected == server.results(ended["id"], tmp_path / "out")


def test_300_pools_each_once(server: Server, submitted: dict[str, str], on_host: Any, tmp_path: Path) -> None:
    """Each of 300 tasks ran exactly once, also by Slurm's books, and left what its pool's runs add up to."""
    ended = server.ended(submitted["many_pools"])
    assert {"total": 300, "succeeded": 300} == {name: n for name, n in ended["task_counts"].items() if n}
    tasks = list(server.clients[ANNA].list_tasks(ended["id"]))
    assert [(index, 1, 0) for index in range(300)] == [
        (task["index"], task["attempt"], task["exit_code"]) for task in tasks
    ]
    found = server.results(ended["id"], tmp_path)
    assert excesses() == {path: content.decode() for path, content in found.items()}
    (array,) = {task["native"]["id"].partition("_")[0] for task in tasks}
    ran = {f"{array}_{index}": 1 for index in range(300)}
    # The books are a moment behind.
    look = f"for i in 1 2 3 4 5 6 7 8 9; do sacct -n -P -X -D -o JobID -j {array} >books"
    look += "; [ $(wc -l <books) -lt 300 ] || break; sleep 1; done; cat books; rm books"
    assert ran == Counter(on_host("cluster", "alice", look).stdout.split())


def test_timeseria_fills_gaps_and_forecasts(
    server: Server, submitted: dict[str, str], tmp_path: Path
) -> None:
    """The library's hours, filled hours and forecast are those of a calculation without it; its figure is one."""
    ended = server.succeeded(submitted["timeseria_library"])
    (software,) = server.facility["software"]
    assert software["version"] == ended["resolved"]["software_version"] == "2.3.0"
    results = server.results(ended["id"], tmp_path)
    assert {"figures.json", "hourly.csv", "temperature.png"} == set(results)
    figures = json.loads(results["figures.json"])
    rows = list(csv.DictReader(io.StringIO(results["hourly.csv"].decode())))
    hours = {int(row["epoch"]): float(row["temperature"]) for row in rows}
    filled = {int(row["epoch"]) for row in rows if row["filled"] == "1"}
    forecast = {int(row["epoch"]): float(row["forecast"]) for row in rows if row["forecast"]}

    measured = _measured(Path(software["place"]))
    whole, lost = _hours_of(measured, hours)
    assert (lost, 113, len(measured)) == (filled, figures["hours_filled"], figures["measurements"])
    assert len(whole) > 3000
    assert whole == pytest.approx({hour: hours[hour] for hour in whole}, abs=1e-6)
    assert _filled(hours, lost) == pytest.approx({hour: hours[hour] for hour in lost}, abs=2e-6)

    last = sorted(hours)[-72:]
    expected = _forecast(hours, lost, last)
    assert (last, 24) == (sorted(forecast), figures["period_hours"])
    assert expected == pytest.approx(forecast, abs=2e-6)
    error = statistics.fmean(abs(expected[hour] - hours[hour]) for hour in last)
    assert error == pytest.approx(figures["forecast"]["mean_absolute_error"], abs=6e-4)
    assert f"is {error:.3f} K" in (CASES / "timeseria_library" / "README.md").read_text()

    width, height, different = _lines_of_picture(results["temperature.png"])
    assert (990, 770) == (width, height)
    assert different > 300


def _measured(place: Path) -> dict[int, float]:
    """Read the series that the library carries, where it is installed."""
    (library,) = place.glob("lib/python3.*/site-packages/timeseria")
    with (library / "tests" / "test_data" / "csv" / "temperature.csv").open() as file:
        return {int(row["epoch"]): float(row["temperature"]) for row in csv.DictReader(file)}


def _hours_of(measured: Mapping[int, float], hours: Collection[int]) -> tuple[dict[int, float], set[int]]:
    """Give the means of the hours in which nothing is missing, and the hours in which everything is.

    A measurement stands for the ten minutes around it, an hour is the one around its own time.
    """
    whole, lost = {}, set()
    for hour in hours:
        within = [measured.get(hour + 10 * MINUTE * step) for step in range(-3, 4)]
        known = [value for value in within if value is not None]
        if len(known) == len(within):
            whole[hour] = (sum(known) - (known[0] + known[-1]) / 2) / 6
        elif not known:
            lost.add(hour)
    return whole, lost


def _day(values: Mapping[int, float]) -> dict[int, float]:
    """Give the mean of the values of each hour of the day."""
    by_hour: dict[int, list[float]] = {}
    for hour, value in values.items():
        by_hour.setdefault(hour // HOUR % 24, []).append(value)
    return {hour: statistics.fmean(each) for hour, each in by_hour.items()}


def _filled(hours: Mapping[int, float], lost: Collection[int]) -> dict[int, float]:
    """Give each lost hour the mean day's value, moved by what the ends of its gap are apart from theirs."""
    day = _day({hour: value for hour, value in hours.items() if hour not in lost})
    given = {}
    for hour in lost:
        apart = []
        for step in (-HOUR, HOUR):
            end = hour
            while end in lost:
                end += step
            apart.append(hours[end] - day[end // HOUR % 24])
        given[hour] = day[hour // HOUR % 24] + statistics.fmean(apart)
    return given


def _forecast(hours: Mapping[int, float], lost: Collection[int], wanted: list[int]) -> dict[int, float]:
    """Give what each hour of the day mostly is above the 24 hours before, added to the last such mean."""
    known = [hour for hour in sorted(hours) if hour < wanted[0]]
    above = {
        hour: hours[hour] - statistics.fmean(hours[each] for each in known[place - 23 : place + 1])
        for place, hour in enumerate(known)
        if place > 24 and hour not in lost
    }
    day = _day(above)
    # The library leaves the very last hour out of it.
    level = statistics.fmean(hours[hour] for hour in known[-25:-1])
    return {hour: level + day[hour // HOUR % 24] for hour in wanted}


def _lines_of_picture(png: bytes) -> tuple[int, int, int]:
    """Decode a PNG of four bytes per pixel: its width, its height, and how many kinds of lines it has."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    place, chunks = 8, []
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        content = png[place + 8 : place + 8 + length]
        assert zlib.crc32(kind + content) == int.from_bytes(
            png[place + 8 + length : place + 12 + length], "big"
        )
        chunks.append((kind, content))
        place += 12 + length
    assert (b"IHDR", b"IEND") == (chunks[0][0], chunks[-1][0])
    width, height, depth, colour = struct.unpack(">IIBB", chunks[0][1][:10])
    raw = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    lines = [raw[at : at + 4 * width + 1] for at in range(0, len(raw), 4 * width + 1)]
    assert (8, 6, height, 4 * width + 1) == (depth, colour, len(lines), len(lines[-1]))
    assert {line[0] for line in lines} <= {0, 1, 2, 3, 4}
    return width, height, len(set(lines))


def test_a_job_for_another_architecture_is_refused(server: Server) -> None:
    """A job that only an arm64 node could run is 422, with a pointer to why, and there is no such job."""
    client, arm = server.clients[ANNA], {"architecture": "arm64"}
    assert ["amd64"] == client.get_facility(RUNTIMES[0])["architectures"]
    before = [each["id"] for each in client.list_jobs()]
    software = {"kind": "installed", "name": "built-for-arm"}
    image = {"kind": "container", "image": server.image}
    refused = [
        ("/resources/architecture", job("true", resources=arm)),
        ("/resources/architecture", job("true", resources=arm, software=image)),
        ("/software/name", job("true", software=software)),
        ("/software/version", job("true", software={**software, "version": "1"})),
    ]
    for pointer, body in refused:
        answer = server.call(ANNA, "POST", "/jobs", json=body)
        assert (422, "unsupported-capability") == (answer.status_code, answer.json()["code"])
        assert [pointer] == [error["pointer"] for error in answer.json()["errors"]]
        judged = client.validate_job(body)
        assert (False, [pointer]) == (judged["valid"], [error["pointer"] for error in judged["errors"]])
    assert before == [each["id"] for each in client.list_jobs()]
