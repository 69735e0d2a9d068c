"""Check that parts of results and logs are exactly the parts that were asked for."""

from __future__ import annotations

from common_compute_conformance.contract import Document
from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.ordinary import PLAIN_STDOUT
from common_compute_conformance.trial import Trial


def _result(trial: Trial, path: str) -> Document:
    trial.workbench.succeeded("files")
    found = [result for result in trial.workbench.results("files") if result["path"] == path]
    trial.equal(1, len(found), f"the number of results {path}")
    return found[0]


def _get(trial: Trial, path: str, ranges: str, **headers: str) -> Exchange:
    specimen = trial.workbench.specimen("files")
    return trial.workbench.fetch(specimen, _result(trial, path), {"Range": ranges, **headers})


def _part(trial: Trial, exchange: Exchange, whole: bytes, first: int, last: int) -> None:
    trial.equal(206, exchange.status, f"the status of {exchange}, {exchange.request_headers['range']}")
    told = exchange.headers.get("content-range")
    trial.equal(f"bytes {first}-{last}/{len(whole)}", told, "Content-Range")
    asked = exchange.request_headers["range"]
    trial.require(
        exchange.content == whole[first : last + 1], f"the bytes of {asked} are not those of the whole"
    )
    trial.witness(f"{asked}: {told}")


def _slices(size: int) -> dict[str, tuple[int, int]]:
    return {
        "bytes=0-0": (0, 0),
        "bytes=1-9": (1, 9),
        f"bytes={size - 3}-": (size - 3, size - 1),
        "bytes=-5": (size - 5, size - 1),
        f"bytes=2-{size + 1000}": (2, size - 1),
        f"bytes=-{size + 1000}": (0, size - 1),
    }


@check("CC-RES-015", specimens=("files",))
def parts_of_results_are_exact(trial: Trial) -> None:
    """CC-RES-015: `Accept-Ranges`, and a single range with 206 and exactly those bytes."""
    whole = trial.workbench.content("files", "big.dat")
    plain = trial.workbench.fetch(trial.workbench.specimen("files"), _result(trial, "big.dat"))
    trial.equal("bytes", plain.headers.get("accept-ranges"), "Accept-Ranges")
    for asked, (first, last) in _slices(len(whole)).items():
        _part(trial, _get(trial, "big.dat", asked), whole, first, last)
    etag = f'"{_result(trial, "big.dat")["sha256"]}"'
    _part(trial, _get(trial, "big.dat", "bytes=3-4", **{"If-Range": etag}), whole, 3, 4)


@check("CC-RES-016", specimens=("files",))
def ranges_behind_the_end_are_refused(trial: Trial) -> None:
    """CC-RES-016: a range behind the end is 416 with the length; a suffix of nothing is 200."""
    size = len(trial.workbench.content("files", "big.dat"))
    for asked in (f"bytes={size}-", f"bytes={size + 10}-{size + 20}"):
        exchange = _get(trial, "big.dat", asked)
        exchange.problem(416, "range-not-satisfiable")
        trial.equal(f"bytes */{size}", exchange.headers.get("content-range"), "Content-Range of the 416")
        trial.witness(f"{asked} of {size} bytes: 416")
    empty = _get(trial, "empty.dat", "bytes=-5").expect(200)
    trial.equal(b"", empty.content, "a suffix range of an empty result")
    trial.witness("a suffix range of an empty result: 200")


@check("CC-RES-017", specimens=("files",))
def other_ranges_give_the_whole(trial: Trial) -> None:
    """CC-RES-017: several ranges, an unknown unit or another `If-Range` give the whole."""
    own = _result(trial, "big.dat")["sha256"]
    whole = trial.workbench.content("files", "big.dat")
    for headers in (
        {"ranges": "bytes=0-1,3-4"},
        {"ranges": "lines=0-1"},
        {"ranges": "bytes=0-1", "If-Range": '"another"'},
        # A weak tag and a date match no strong one, RFC 9110 13.1.5.
        {"ranges": "bytes=0-1", "If-Range": f'W/"{own}"'},
        {"ranges": "bytes=0-1", "If-Range": "Sun, 01 Mar 2099 00:00:00 GMT"},
    ):
        exchange = _get(trial, "big.dat", **headers)
        trial.equal(200, exchange.status, f"the status with {headers}")
        trial.require(exchange.content == whole, f"the bytes with {headers} are not the whole")
        trial.witness(f"{headers}: the whole")


@check("CC-LOG-009", specimens=("plain",))
def parts_of_logs_are_exact(trial: Trial) -> None:
    """CC-LOG-009: a single range of a log is 206 with exactly those bytes, from the end on 416."""
    job_id = str(trial.workbench.succeeded("plain")["id"])
    whole = PLAIN_STDOUT.encode()
    for asked, (first, last) in _slices(len(whole)).items():
        exchange = trial.client.call("get_log", job_id=job_id, stream="stdout", headers={"Range": asked})
        _part(trial, exchange, whole, first, last)
    past = trial.client.call(
        "get_log", job_id=job_id, stream="stdout", headers={"Range": f"bytes={len(whole)}-"}
    )
    past.problem(416, "range-not-satisfiable")
    trial.equal(f"bytes */{len(whole)}", past.headers.get("content-range"), "Content-Range of the 416")
    trial.witness("a range from the end on: 416")
