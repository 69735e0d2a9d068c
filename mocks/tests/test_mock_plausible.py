"""What is made up for a command that nobody here knows: files of their kind, logs that name command and task."""

from __future__ import annotations

import gzip
import json
import struct
import xml.etree.ElementTree as ET
import zlib
from typing import Any

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.plan import OutputRule
from common_compute_mocks.chance import chance_of
from common_compute_mocks.plausible import file_name
from common_compute_mocks.plausible_content import plausible_content

HOSTILE = "sh -c 'x <&> \"\\ é 数 \x01\n]]>'"


def content(path: str, origin: str = HOSTILE) -> bytes:
    return plausible_content(path, origin, chance_of("seed"))


def png_chunks(data: bytes) -> dict[bytes, bytes]:
    """Read the chunks of a PNG, each against its checksum."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + length
    return chunks


def test_a_picture_is_a_png_as_big_as_it_says() -> None:
    """A PNG has sound chunks and a byte for each of its pixels, with one of filter for each row."""
    chunks = png_chunks(content("plots/sky.png"))
    assert [b"IHDR", b"tEXt", b"IDAT", b"IEND"] == list(chunks)
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert (width + 1) * height == len(zlib.decompress(chunks[b"IDAT"]))


def test_a_table_of_the_sky_is_fits() -> None:
    """FITS comes in blocks of 2880 bytes: cards of 80 plain characters up to END, then the numbers."""
    data = content("events.fits", "x" * 500)
    cards = [data[at : at + 80].decode("ascii") for at in range(0, data.index(b"END "), 80)]
    assert ("SIMPLE  =", 30) == (cards[0][:9], cards[0].rindex("T") + 1)
    assert ["-64", "1", "8"] == [card[10:].strip() for card in cards[1:4]]
    assert (2 * 2880, 0) == (len(data), sum(data[2880 + 64 :]))
    assert all(0 <= number < 1 for number in struct.unpack(">8d", data[2880 : 2880 + 64]))
    assert content("events.fit", "x" * 500) != data


@pytest.mark.parametrize("name", ["a.xml", "a.vot", "a.svg"])
def test_xml_is_well_formed(name: str) -> None:
    """A command of any characters makes no broken XML."""
    assert ET.fromstring(content(name)).tag.endswith(("VOTABLE", "svg"))


def test_the_other_kinds_are_what_their_names_say() -> None:
    """JSON has a command and values, tables have rows of two, an array and an HDF5 file begin as they must."""
    assert HOSTILE == json.loads(content("fit.json"))["command"]
    rows = content("light.csv").decode().splitlines()
    assert ("index,value", {2}) == (rows[0], {len(row.split(",")) for row in rows})
    assert content("light.csv").replace(b",", b"\t") != content("light.tsv")
    assert b"index\tvalue\n" == content("light.tsv")[:12]
    array = content("a.npy")
    (length,) = struct.unpack_from("<H", array, 8)
    assert (b"\x93NUMPY\x01\x00", 0, 64) == (array[:8], (10 + length) % 64, len(array) - 10 - length)
    hdf5 = content("dl1/events.h5")
    (end,) = struct.unpack_from("<Q", hdf5, 28)
    assert (b"\x89HDF\r\n\x1a\n", b"OHDR") == (hdf5[:8], hdf5[48:52])
    assert b"dl1/events.h5 of sh" == hdf5[end : end + 19]
    assert gzip.decompress(content("x.json.gz", "a")) == content("x.json", "a")
    for name in ("notes.txt", "run.log", "odd", ".gz", "a.b.c", "UPPER.XYZ"):
        assert content(name, "cmd").decode() == f"{name} of cmd\n"
    assert content("LIGHT.CSV").startswith(b"index,value\n")


@pytest.mark.parametrize("named", ["output", "Größe 数据", "a[b]?*\\1", "x.y"])
@pytest.mark.parametrize(
    "glob", ["*", "**", "*.fits", "**/*.tar.gz", "a/**", "a*b", "?*.c", "[!a]*", "*.[ch]", "x.*", "*.*"]
)
def test_a_name_of_ones_own_fits_the_glob(glob: str, named: str) -> None:
    """Whatever stands for the open part of a name, the output's own rule matches the file."""
    assert OutputRule(glob).matches(file_name(OutputRule(glob), named))


@pytest.mark.parametrize(
    "command",
    [
        ["python", "fit.py", "--in", "a b.fits"],
        ["python3", "-c", "print(1)"],
        ["ctapipe-process", "--input", "run.simtel.gz"],
        ["timeseria"],
        ["/opt/conda/bin/python", "x.py"],
        ["/usr/bin/python3", "x.py"],
        ["bash", "-c", "wsclean -size 2048 2048 x.ms > wsclean.log 2>&1"],
        ["sh", "-c", "source /cvmfs/sw.cta-observatory.org/setupCTA.sh; ctapipe-merge out.h5"],
    ],
)
def test_what_is_not_known_here_succeeds(bench: Any, command: list[str]) -> None:
    """Programs that only the real software has end well, with every declared output, required or not."""
    outputs = [{"path": "image.png"}, {"path": "dl1/*.h5"}, {"path": "**/*.csv", "required": False}]
    spec = bench.spec(*command, outputs=outputs)
    part = bench.submit(spec)
    end = bench.end(part)
    assert (State.SUCCEEDED, 0) == (end.state, end.exit_code)
    home = bench.home(part, spec)
    assert ["dl1/output.h5", "image.png", "output.csv"] == sorted(home.files)
    assert command[0] in home.logs["stdout"].decode().splitlines()[0]
    assert b"wrote dl1/output.h5\n" in home.logs["stdout"]
    png_chunks(home.files["image.png"])


def test_tasks_of_an_array_leave_something_of_their_own(bench: Any) -> None:
    """The log of each task names its index, and its files differ from those of its neighbours."""
    outputs = [{"path": "part-{{CC_TASK_INDEX}}.txt"}, {"path": "fit.json"}]
    spec = bench.spec("python", "fit.py", array={"count": 3}, outputs=outputs)
    part = bench.submit(spec)
    bench.clock.advance(5)
    assert {State.SUCCEEDED} == {seen.state for seen in bench.observe(part).tasks}
    homes = [bench.home(part, spec, index) for index in range(3)]
    for index, home in enumerate(homes):
        first, second = home.logs["stdout"].decode().splitlines()[:2]
        assert ("python fit.py", f"task {index} of 3") == (first, second)
        text = home.files[f"part-{index}.txt"].decode()
        assert f"part-{index}.txt of python fit.py, task {index} of 3\n" == text
    assert 3 == len({home.files["fit.json"] for home in homes})
    assert ["python fit.py, task 0 of 3"] == [json.loads(homes[0].files["fit.json"])["command"]]


def test_what_is_made_up_is_made_up_again(bench: Any) -> None:
    """The same seed and job give the same files, another seed others."""
    spec = bench.spec("timeseria", outputs=[{"path": "*.csv"}])
    files = []
    for seed in (1, 1, 2):
        other = type(bench)(bench.flavour, seed)
        part = other.submit(spec)
        other.end(part)
        files.append(other.home(part, spec).files)
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_a_long_command_is_not_put_into_every_line(bench: Any) -> None:
    """A command of a megabyte does not make megabytes of every file and line that names it."""
    spec = bench.spec("timeseria", "x" * 1_000_000, scenario="long_run", outputs=[{"path": "a.txt"}])
    part = bench.submit(spec)
    bench.end(part)
    home = bench.home(part, spec)
    assert len(home.logs["stdout"]) < 100_000
    assert len(home.files["a.txt"]) < 1000
