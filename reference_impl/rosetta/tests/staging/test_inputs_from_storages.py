"""Inputs from a storage of the facility: copied by the task, and nothing from outside of the storage."""

import os
import shutil
import subprocess
from importlib.resources import files as package_files

import pytest

from common_compute_connector.jobs import State

pytestmark = [pytest.mark.real]


@pytest.fixture
def storage(tmp_path):
    """Give a storage with a few files, and beside it what nobody should get."""
    place = tmp_path / "store"
    (place / "deep er" / "er").mkdir(parents=True)
    (place / "x").write_bytes(b"x" * 100_000)
    (place / "deep er" / "er" / "it's").write_bytes(b"\x00\xff")
    (place / "to-x").symlink_to("x")
    (place / "far").symlink_to("deep er/er")
    (place / "far" / "back").symlink_to("../../to-x")
    (place / "absolute").symlink_to(place / "x")
    (tmp_path / "secret").write_text("secret")
    (place / "out").symlink_to("../secret")
    (place / "out-and-in").symlink_to("../store/x")
    (place / "up").symlink_to("..")
    (place / "etc").symlink_to("/etc")
    (place / "round").symlink_to("round")
    (place / "broken").symlink_to("nothing")
    os.mkfifo(place / "pipe")
    return place


def stored(path, name="data", **members):
    return {
        "path": path.rpartition("/")[2],
        "source": {"kind": "storage", "storage": name, "path": path},
        **members,
    }


def a_house(make_house, storage, login=None, **more):
    return make_house(login, storage=[{"name": "data", "path": str(storage), **more}])


@pytest.mark.parametrize("where", ["internal", pytest.param("ssh", marks=pytest.mark.needs("sshd"))])
async def test_an_input_from_a_storage_lies_where_it_was_wanted(make_house, storage, where, request):
    """CC-STAGE-003: each input from a storage lies at its path with the bytes found there, also where links within
    the storage lead to it; it is the task's own copy."""
    house = a_house(make_house, storage, request.getfixturevalue("daemon").login if where == "ssh" else None)
    paths = ("x", "deep er/er/it's", "to-x", "far/back", "absolute", "out-and-in")
    spec = house.spec(
        "sh",
        "-c",
        'test -x absolute && for each; do test -f "$each" && ! test -h "$each" && wc -c <"$each"; done; echo >x',
        "sh",
        "x",
        "it's",
        "to-x",
        "back",
        "out-and-in",
        inputs=[stored(path, executable=path == "absolute") for path in paths],
    )
    run = await house.run(*spec["command"], inputs=spec["inputs"])
    assert (State.SUCCEEDED, "100000 2 100000 100000 100000") == (
        run.task.state,
        " ".join(run.stdout.decode().split()),
    )
    assert 100_000 == (storage / "x").stat().st_size


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none", "none is no file in the storage"),
        ("deep er", "deep er is no file in the storage"),
        ("deep er/none/x", "deep er/none/x is no file in the storage"),
        ("pipe", "pipe is no file in the storage"),
        ("round", "round is no file in the storage"),
        ("broken", "broken is no file in the storage"),
        ("out", "out leads out of the storage"),
        ("up/secret", "up/secret leads out of the storage"),
        ("etc/passwd", "etc/passwd leads out of the storage"),
        ("x/y", "x/y is no file in the storage"),
    ],
)
async def test_what_is_not_in_the_storage(make_house, storage, path, words):
    """CC-STAGE-002: what is not there, is no file, or lies outside ends the job as failed, with words for it."""
    house = a_house(make_house, storage)
    run = await house.run("true", inputs=[stored(path)])
    assert (State.FAILED, "input-unavailable", words) == (
        run.task.state,
        run.task.reason.code,
        run.task.reason.detail,
    )


async def test_a_storage_that_is_away(make_house, storage):
    """A storage that this host does not have is told so, and one that the settings lost is, too."""
    house = a_house(make_house, storage)
    shutil.rmtree(storage)
    run = await house.run("true", inputs=[stored("x")])
    assert f"the storage at {storage} is not on this host" == run.task.reason.detail
    code, detail = await house.refusal(house.spec("true", inputs=[stored("x", name="gone")]))
    assert ("input-unavailable", "x: the facility no longer has this storage") == (code, detail)


@pytest.mark.parametrize("shell", ["/bin/dash", "/bin/bash"])
def test_a_link_that_comes_between(storage, tmp_path, shell):
    """A link that takes the file's place after it was looked at is not followed."""
    work = tmp_path / "work"
    work.mkdir()
    text = package_files("common_compute_rosetta").joinpath("sh", "storage.sh").read_text()
    # What copies finds that somebody was there just before it.
    text += '\ncp() { rm -f ./x; ln -s ../secret ./x; command cp "$@"; }\n'
    text += f"from_storage '{storage}' x ./x"
    done = subprocess.run([shell, "-c", text], cwd=work, capture_output=True, text=True)
    assert (1, "x is no file in the storage\n", []) == (done.returncode, done.stderr, os.listdir(work))


async def test_storages_are_announced(make_house, storage):
    """The facility document lists the storages as the contract has them."""
    house = a_house(make_house, storage, shared=False, read_only=False)
    document = await house.connector.describe()
    assert [{"name": "data", "path": str(storage), "kind": "posix", "shared": False}] == document["storage"]
