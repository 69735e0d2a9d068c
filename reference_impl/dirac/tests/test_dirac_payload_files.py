"""Files on the grid, as a task's wrapper fetches and sends them: over a DIRAC of the tests' own, in a directory.

What DIRAC itself does is seen in cli/tests/test_dirac_equipped.py.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from common_compute_dirac.payload.lfn import is_name, read_url

pytestmark = pytest.mark.real

STAGING = {"storage_element": "CTA-disk"}
FAKE = {
    "DIRAC/__init__.py": "def initialize():\n    pass\n",
    "DIRAC/Core/Utilities/File.py": "def makeGuid():\n    return 'GUID'\n",
    "DIRAC/Core/Utilities/Adler.py": "def compareAdler(one, other):\n    return int(one, 16) == int(other, 16)\n",
    "DIRAC/Resources/Storage/StorageElement.py": """
from DIRAC.DataManagementSystem.Client.DataManager import answer, place, metadata
class StorageElement:
    def __init__(self, name):
        assert name == "CTA-disk"
    def getFileMetadata(self, lfn):
        return answer("storage", lfn, lambda: metadata(place(lfn)))
""",
    "DIRAC/DataManagementSystem/Client/DataManager.py": """
import json, os, pathlib, shutil, time, zlib
GRID = pathlib.Path(os.environ["GRID"])
def place(lfn):
    return GRID / "files" / lfn.replace("/", "|")
def metadata(file):
    content = file.read_bytes()
    return {"Size": len(content), "Checksum": f"{zlib.adler32(content):x}"}
def answer(call, lfn, work):
    with (GRID / "calls").open("a") as calls:
        calls.write(f"{call} {lfn}\\n")
    faults = json.loads((GRID / "faults").read_text())
    words = (faults.get(call) or [None]).pop(0)
    (GRID / "faults").write_text(json.dumps(faults))
    if words == "hang":
        time.sleep(600)
    if words is not None and words.startswith("whole: "):
        return {"OK": False, "Message": words[7:]}
    if words is not None:
        return {"OK": True, "Value": {"Successful": {}, "Failed": {lfn: words}}}
    return {"OK": True, "Value": {"Successful": {lfn: work()}, "Failed": {}}}
class Catalog:
    def getFileMetadata(self, lfn):
        def look():
            return json.loads((GRID / "catalogue").read_text())[lfn]
        if lfn not in json.loads((GRID / "catalogue").read_text()):
            return {"OK": True, "Value": {"Successful": {}, "Failed": {lfn: "No such file or directory"}}}
        return answer("metadata", lfn, look)
class DataManager:
    fileCatalog = Catalog()
    def getFile(self, lfn, destinationDir):
        return answer("get", lfn, lambda: shutil.copy(place(lfn), destinationDir + "/" + os.path.basename(lfn)))
    def registerFile(self, file):
        def register():
            known = json.loads((GRID / "catalogue").read_text())
            lfn, _, size, se, guid, checksum = file
            assert (se, guid) == ("CTA-disk", "GUID")
            (GRID / "catalogue").write_text(json.dumps(known | {lfn: {"Size": size, "Checksum": checksum}}))
        return answer("register", file[0], register)
    def putAndRegister(self, lfn, name, se, guid, checksum):
        file = {"LFN": lfn, "PFN": "dips:", "Size": os.path.getsize(name), "TargetSE": se, "GUID": guid, "Adler": checksum}
        put = answer("put", lfn, lambda: shutil.copy(name, place(lfn)) and {"put": 1})
        if put["OK"] and put["Value"]["Successful"]:
            registered = self.registerFile(tuple(file.values()))
            if not registered["OK"] or registered["Value"]["Failed"]:
                put["Value"]["Failed"][lfn] = {"register": file}
        return put
""",
}


class Grid:
    """The tests' DIRAC."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "files").mkdir(parents=True)
        for name, source in FAKE.items():
            file = place / "python" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source)
        (place / "calls").touch()
        self.catalogue({})
        self.faults()

    def catalogue(self, known: dict[str, Any]) -> None:
        (self.place / "catalogue").write_text(json.dumps(known))

    def faults(self, **words: list[str | None]) -> None:
        """Let the next calls answer so; None is as if nothing were the matter."""
        (self.place / "faults").write_text(json.dumps(words))

    def add(self, lfn: str, content: bytes) -> None:
        known = json.loads((self.place / "catalogue").read_text())
        self.file(lfn).write_bytes(content)
        told = {"Size": len(content), "Checksum": f"{zlib.adler32(content):08x}"}
        self.catalogue(known | {lfn: told})

    def file(self, lfn: str) -> Path:
        return self.place / "files" / lfn.replace("/", "|")

    @property
    def calls(self) -> list[str]:
        return [line.split()[0] for line in (self.place / "calls").read_text().splitlines()]


@pytest.fixture
def grid(tmp_path: Path, worker: Any) -> Grid:
    """Give a DIRAC, which the worker's Python finds."""
    made = Grid(tmp_path / "grid")
    worker.environment |= {"PYTHONPATH": str(made.place / "python"), "GRID": str(made.place)}
    worker.environment |= {"DIRACPYTHON": sys.executable}
    return made


def asks(path: str, url: str, **more: str) -> dict[str, Any]:
    """Give an input."""
    return {"path": path, "source": {"kind": "url", "url": url, **more}}


def sends(path: str, url: str) -> dict[str, Any]:
    """Give an output with a destination."""
    return {"path": path, "destination": {"url": url}}


def shell(text: str, **more: Any) -> dict[str, Any]:
    """Give a job that runs a line of shell."""
    return {"command": ["sh", "-c", text], **more}


def test_inputs_come_by_their_names(grid: Grid, worker: Any) -> None:
    """Each name is fetched once, each file is its own; what DIRAC needs is not in the command's environment."""
    grid.add("/cta/a/b.fits", bytes(range(256)))
    digest = hashlib.sha256(bytes(range(256))).hexdigest().upper()
    inputs = [asks("one", "lfn:/cta/a/b.fits", sha256=digest), asks("d/two", "LFN:///cta/a/b.fits")]
    text = 'echo x >>one; cat d/two; echo "$GRID$X509_USER_PROXY$PYTHONPATH" >&2'
    left = worker.run(shell(text, inputs=inputs), staging=STAGING)
    assert ("exit", bytes(range(256)), b"\n") == (left.outcome.how, left.logs["stdout"], left.logs["stderr"])
    assert ["metadata", "get"] == grid.calls


@pytest.mark.parametrize(
    ("faults", "more", "words", "gets"),
    [
        ({"get": ["No such file or directory"]}, {}, "No such file", 1),
        ({"get": ["storage is tired"] * 3}, {}, "storage is tired", 3),
        ({"metadata": ["whole: catalogue is tired"] * 3}, {}, "catalogue is tired", 0),
        ({"metadata": ["Permission denied"]}, {}, "Permission denied", 0),
        ({}, {"sha256": "0" * 64}, "its sha256 is another one", 1),
        ({}, {"url": "lfn:/cta/none"}, "No such file", 0),
    ],
)
def test_an_input_that_cannot_be_had_is_told(
    grid: Grid, worker: Any, faults: dict[str, Any], more: dict[str, str], words: str, gets: int
) -> None:
    """The command does not run. What may pass by itself is tried again."""
    grid.add("/cta/a", b"content")
    grid.faults(**faults)
    entry = {**asks("in", "lfn:/cta/a")["source"], **more}
    left = worker.run(shell("echo ran", inputs=[{"path": "in", "source": entry}]), staging=STAGING)
    assert ("input", b"") == (left.outcome.how, left.logs["stdout"])
    assert left.outcome.words.startswith("in: ")
    assert words in left.outcome.words
    assert gets == grid.calls.count("get")


def test_what_passes_by_itself_is_waited_for(grid: Grid, worker: Any) -> None:
    """A storage that fails once is asked again."""
    grid.add("/cta/a", b"content")
    grid.faults(get=["whole: connection lost"])
    left = worker.run(shell("cat in", inputs=[asks("in", "lfn:/cta/a")]), staging=STAGING)
    assert b"content" == left.logs["stdout"]


def test_an_input_above_the_limit_is_not_fetched(grid: Grid, worker: Any) -> None:
    """By the catalogue's word."""
    grid.add("/cta/a", b"content")
    staging = STAGING | {"max_input_bytes": 6}
    left = worker.run(shell("cat in", inputs=[asks("in", "lfn:/cta/a")]), staging=staging)
    assert "in: it has 7 bytes, and 6 are allowed" == left.outcome.words
    assert ["metadata"] == grid.calls


def test_a_storage_that_hangs_is_given_up(grid: Grid, worker: Any) -> None:
    """With the process that waits for it."""
    grid.add("/cta/a", b"content")
    grid.faults(get=["hang"])
    staging = STAGING | {"max_transfer_seconds": 2}
    began = time.monotonic()
    left = worker.run(shell("cat in", inputs=[asks("in", "lfn:/cta/a")]), staging=staging)
    assert ("input", "in: it was not moved within 2 seconds") == (left.outcome.how, left.outcome.words)
    assert time.monotonic() - began < 15


def test_a_worker_without_dirac_says_so(worker: Any) -> None:
    """There is none in any Python that it finds."""
    left = worker.run(shell("cat in", inputs=[asks("in", "lfn:/cta/a")]), staging=STAGING)
    assert "in: there is no DIRAC on this worker to move it with" == left.outcome.words


def test_results_go_where_they_are_sent(grid: Grid, worker: Any) -> None:
    """With their length and checksum, by their paths in a folder; the others come home."""
    outputs = [sends("*.fits", "lfn:/cta/out/"), sends("**/one", "lfn:/cta/single"), {"path": "**"}]
    text = "printf big >b.fits; mkdir d; printf 1 >d/one; printf log >log"
    left = worker.run(shell(text, outputs=outputs), staging=STAGING)
    assert ({"log": b"log"}, ()) == (left.results, left.lost)
    told = [(each.path, each.lfn, each.size_bytes, each.sha256) for each in left.sent]
    expected = [("b.fits", "/cta/out/b.fits", b"big"), ("d/one", "/cta/single", b"1")]
    assert told == [
        (path, lfn, len(content), hashlib.sha256(content).hexdigest()) for path, lfn, content in expected
    ]
    assert [b"big", b"1"] == [grid.file(lfn).read_bytes() for _, lfn, _ in expected]


def test_each_task_of_an_array_has_its_folder(grid: Grid, worker: Any) -> None:
    """So that no file takes another one's place."""
    spec = shell("echo $N >o", outputs=[sends("o", "lfn:/cta/out/")], array={"count": 3})
    left = worker.run(spec, place="2", count=3, staging=STAGING)
    assert ["/cta/out/2/o"] == [each.lfn for each in left.sent]


@pytest.mark.parametrize(
    ("text", "faults", "words"),
    [
        (
            "echo x >o",
            {"put": ["Write access not permitted for this credential."]},
            "o could not be sent: Write access",
        ),
        ("echo x >o", {"put": ["whole: storage is full"] * 3}, "o could not be sent: storage is full"),
        ("echo x >o", {"register": ["tired"] * 6}, "o could not be sent: tired"),
        ("echo x >o", {"put": ["hang"]}, "o could not be sent: it was not moved within 3 seconds"),
        (": >o", {}, "o is empty, and DIRAC takes no empty files"),
        ("echo x >'o o'", {}, "o o has a name that no file on the grid can have"),
        ("echo x >'o?=b'", {}, "o?=b has a name that no file on the grid can have"),
    ],
)
def test_a_result_that_cannot_be_sent_is_lost(
    grid: Grid, worker: Any, text: str, faults: dict[str, Any], words: str
) -> None:
    """With words; the command's own end stands, and it does not come home in another way."""
    grid.faults(**faults)
    spec = shell(f"{text}; exit 3", outputs=[sends("o*", "lfn:/cta/out/")])
    left = worker.run(spec, staging=STAGING | {"max_transfer_seconds": 3 if "hang" in str(faults) else 60})
    assert (("exit", 3), {}, ()) == ((left.outcome.how, left.outcome.number), left.results, left.sent)
    (told,) = left.lost
    assert words in told


def test_a_registration_that_failed_is_made_up_for(grid: Grid, worker: Any) -> None:
    """The file is stored already, and is not stored twice."""
    grid.faults(register=["tired"])
    left = worker.run(shell("echo x >o", outputs=[sends("o", "lfn:/cta/o")]), staging=STAGING)
    assert ([], 1) == (list(left.lost), len(left.sent))
    assert 1 == grid.calls.count("put")


def test_a_file_that_is_there_is_never_replaced(grid: Grid, worker: Any) -> None:
    """The very same counts as sent, as after an attempt that was cut off; another one makes the result lost."""
    grid.add("/cta/o", b"x\n")
    spec = shell("echo x >o", outputs=[sends("o", "lfn:/cta/o")])
    assert 1 == len(worker.run(spec, staging=STAGING).sent)
    grid.add("/cta/o", b"y\n")
    left = worker.run(spec, staging=STAGING)
    assert ("o could not be sent: another file of this name is there, and none is replaced",) == left.lost
    assert (b"y\n", 0) == (grid.file("/cta/o").read_bytes(), grid.calls.count("put"))


def test_a_storage_that_has_other_bytes_is_not_believed(grid: Grid, worker: Any) -> None:
    """What it says of the file is held against what was read of it."""
    grid.add("/cta/o", b"x\n")
    grid.file("/cta/o").write_bytes(b"z\n")
    left = worker.run(shell("echo x >o", outputs=[sends("o", "lfn:/cta/o")]), staging=STAGING)
    assert ("o could not be sent: the storage element has other bytes",) == left.lost


def test_a_link_is_not_sent(grid: Grid, worker: Any) -> None:
    """Nor anything behind one."""
    text = "ln -s /etc/passwd o; mkdir d; ln -s /etc d/e"
    left = worker.run(shell(text, outputs=[sends("**", "lfn:/cta/out/")]), staging=STAGING)
    assert ((), (), {}) == (left.sent, left.lost, left.results)


def test_a_task_that_is_told_to_end_while_it_fetches_runs_nothing(grid: Grid, worker: Any) -> None:
    """DIRAC asks for the end of a job whose files do not come: the command never begins."""
    grid.add("/cta/a", b"content")
    source = grid.place / "python" / "DIRAC" / "DataManagementSystem" / "Client" / "DataManager.py"
    kill = "os.kill(os.getppid(), 15); time.sleep(600)"
    source.write_text(source.read_text().replace("time.sleep(600)", kill))
    grid.faults(get=["hang"])
    left = worker.run(shell("echo ran", inputs=[asks("in", "lfn:/cta/a")]), staging=STAGING)
    assert ("signal", 15, b"") == (left.outcome.how, left.outcome.number, left.logs["stdout"])


@pytest.mark.parametrize(
    "url",
    [
        "lfn://user:secret@example.org/cta/x",
        "lfn:/other/x",
        "lfn:/cta",
        "lfn:/cta/",
        "lfn:/cta/../other/x",
        "lfn:/cta//x",
        "lfn:/cta/./x",
        "lfn:cta/x",
        "lfn:/cta/x?y=1",
        "lfn:/cta/x#y",
        "lfn:/cta/%2e%2e/x",
        "lfn:/cta/x:9148",
        "https://example.org/cta/x",
        "lfn:////cta/x",
        f"lfn:/cta/{'x' * 129}",
    ],
)
def test_a_url_that_names_no_file_of_the_vo(url: str) -> None:
    """Other VOs, ways up, and what a storage could read as something else are no names."""
    assert read_url(url, "cta") is None


def test_urls_that_name_files() -> None:
    """Both forms; a folder ends in a slash."""
    assert ["/cta/a.b/c+d", "/cta/x/"] == [
        read_url(url, "cta") for url in ("LFN:/cta/a.b/c+d", "lfn:///cta/x/")
    ]
    assert (True, False) == (is_name("/cta/x", "cta"), is_name("/cta/x/", "cta"))


def test_an_input_of_another_vo_is_told(grid: Grid, worker: Any) -> None:
    """Where at least one task could begin, the other ones say so; DIRAC's client is not even begun."""
    spec = shell("cat in", inputs=[asks("in", "lfn:/{{VO}}/a")])
    spec["array"] = {"parameters": [{"VO": "cta"}, {"VO": "other"}]}
    left = worker.run(spec, place="1", count=2, staging=STAGING)
    assert "in: its URL names no file of cta in the file catalogue" == left.outcome.words
    assert [] == grid.calls
