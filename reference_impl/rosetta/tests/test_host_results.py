"""What comes home from a plain host: files by glob, regular ones only, whatever their names."""

import hashlib
import os

import pytest

from common_compute_connector.plan import OutputRule
from common_compute_connector.protocol import EndedTask, LogBytes

pytestmark = pytest.mark.real


def outputs(*patterns: str):
    return [{"path": pattern} for pattern in patterns]


async def test_globs_choose_the_files(house):
    """Files come home that a pattern fits, once each, and no others."""
    script = "mkdir -p a/b .d; for f in 1.txt 2.dat a/3.txt a/b/4.txt .5.txt .d/6.txt; do echo $f >$f; done"
    run = await house.run("sh", "-c", script, outputs=outputs("*.txt", "**/*.txt", "a/[!x].txt", ".5*"))
    expected = ["1.txt", "a/3.txt", "a/b/4.txt", ".5.txt"]
    assert {(0, path): f"{path}\n".encode() for path in expected} == run.results
    assert {0: ()} == run.lost


async def test_without_outputs_there_are_no_results(house):
    """A job that asks for nothing gets nothing but its logs."""
    run = await house.run("sh", "-c", "echo x >f; echo y")
    assert ({}, b"y\n") == (run.results, run.stdout)


async def test_links_are_never_followed(house):
    """Neither a link to a file nor one to a directory, nor a file behind it, comes home; pipes neither."""
    secret = house.root.parent / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    script = f"""
        ln -s {secret}/key link; ln -s {secret} dir; ln -s dangling broken; mkfifo pipe; mkdir real
        ln -s ../../../../.. real/up; ln -s . self; echo ok >real/file
    """
    run = await house.run("sh", "-c", script, outputs=outputs("**"))
    assert {(0, "real/file"): b"ok\n"} == run.results


@pytest.mark.parametrize("swap", ["directory", "file"])
async def test_a_swap_between_listing_and_reading_gives_nothing(house, swap, monkeypatch):
    """A path that becomes a link after it was listed leads nowhere, and its file is said to be lost."""
    secret = house.root.parent / "secret"
    secret.mkdir()
    (secret / "file").write_text("secret")
    run = await house.submit(house.spec("sh", "-c", "mkdir d; echo mine >d/file", outputs=outputs("d/*")))
    await house.end(run)
    work = house.task_directory(run) / "work"
    original = house.connector._run

    async def swapping(call, **options):
        finished = await original(call, **options)
        if swap == "directory":
            (work / "d").rename(work / "away")
            (work / "d").symlink_to(secret)
        else:
            (work / "d" / "file").unlink()
            (work / "d" / "file").symlink_to(secret / "file")
        return finished

    monkeypatch.setattr(house.connector, "_run", swapping)
    await house.collect(run)
    assert ({}, {0: ("d/file",)}) == (run.results, run.lost)


async def test_hostile_names_come_home(house):
    """Names with newlines, dashes, quotes, backslashes and globs are paths like others."""
    names = [
        "-rf",
        "new\nline",
        "trailing\n",
        'it\'s "q"',
        "back\\slash",
        "*",
        "[a]",
        "$(x)",
        " ",
        "é😀",
        "-d/\n/f",
        "@x",
    ]
    script = 'for f; do mkdir -p "./${f%/*}_" && case $f in */*) mkdir -p "./${f%/*}" ;; esac; printf %s "$f" >"./$f"; done; rm -rf ./*_'
    run = await house.run("sh", "-c", script, "sh", *names, outputs=outputs("**"))
    assert b"" == run.stderr
    assert {(0, name): name.encode() for name in names} == run.results
    assert {0: ()} == run.lost


async def test_a_name_that_is_no_text_is_escaped(house):
    """Bytes that are no UTF-8 are written as %XX; of two files that would be called the same, one is lost."""
    script = r"""printf a >"$(printf 'caf\351')"; printf b >"$(printf 'x\377')"; printf c >x%FF"""
    run = await house.run("sh", "-c", script, outputs=outputs("*"))
    assert {(0, "caf%E9"): b"a", (0, "x%FF"): b"c"} == run.results
    assert 1 == len(run.lost[0])


async def test_several_names_of_one_file_all_come_home(house):
    """A file with several names comes home under each of them."""
    script = "echo x >a; ln a b; mkdir d; ln a d/c; echo y >e"
    run = await house.run("sh", "-c", script, outputs=outputs("**"))
    assert {(0, "a"): b"x\n", (0, "b"): b"x\n", (0, "d/c"): b"x\n", (0, "e"): b"y\n"} == run.results


async def test_long_paths_and_many_files(house):
    """Paths beyond tar's first format and more files than a command line holds come home."""
    long = "/".join(["d" * 90] * 6)
    script = f"mkdir -p {long} && echo deep >{long}/{'f' * 200}; i=0; while [ $i -lt 2500 ]; do echo $i >file-{'n' * 40}-$i; i=$((i+1)); done; : >empty"
    run = await house.run("sh", "-c", script, outputs=outputs("**"))
    assert 2502 == len(run.results)
    assert b"deep\n" == run.results[0, f"{long}/{'f' * 200}"]
    assert (b"2499\n", b"") == (run.results[0, f"file-{'n' * 40}-2499"], run.results[0, "empty"])


async def test_a_large_result_is_streamed(house):
    """A result comes as chunks of bounded size, byte for byte."""
    size = 100_000_001
    script = f"head -c {size} /dev/zero | tr '\\0' z >big; head -c 3000000 /dev/zero"
    run = await house.submit(house.spec("sh", "-c", script, outputs=outputs("big")))
    await house.end(run)
    largest, digests = 0, {}
    async for item in house.connector.collect([EndedTask(run.part, 0, [OutputRule("big")])]):
        if not hasattr(item, "chunks"):
            continue
        digest = hashlib.sha256()
        async for chunk in item.chunks:
            largest = max(largest, len(chunk))
            digest.update(chunk)
        digests[item.stream if isinstance(item, LogBytes) else item.path] = digest.hexdigest()
    assert hashlib.sha256(b"z" * size).hexdigest() == digests["big"]
    assert hashlib.sha256(b"\0" * 3_000_000).hexdigest() == digests["stdout"]
    assert largest <= 2**20


async def test_bytes_that_nobody_reads_hold_nothing_up(house):
    """A consumer may leave an item unread, or stop altogether."""
    run = await house.run("sh", "-c", "head -c 3000000 /dev/zero; echo x >f", outputs=outputs("f"))
    ended = [EndedTask(run.part, 0, [OutputRule("f")])]
    kinds = [type(item).__name__ async for item in house.connector.collect(ended)]
    assert ["LogBytes", "LogBytes", "ResultBytes", "Collected"] == kinds
    collecting = house.connector.collect(ended)
    await anext(collecting)
    await collecting.aclose()
    assert {(0, "f"): b"x\n"} == (await house.collect(run)).results


async def test_many_tasks_come_home_in_one_go(house):
    """Of an array every task's logs and results come home, in order, each with its closing word."""
    script = "echo $CC_TASK_INDEX; echo $CC_TASK_INDEX >r-$CC_TASK_INDEX"
    run = await house.run(
        "sh", "-c", script, array={"count": 12}, count=12, outputs=outputs("r-{{CC_TASK_INDEX}}")
    )
    assert {(index, f"r-{index}"): f"{index}\n".encode() for index in range(12)} == run.results
    assert dict.fromkeys(range(12), ()) == run.lost


async def test_what_the_host_has_lost_is_named(house):
    """A directory or a log that has vanished is told as lost, and other tasks' bytes come home all the same."""
    run = await house.run("sh", "-c", "echo $CC_TASK_INDEX", array={"count": 3}, count=3)
    (house.task_directory(run, 0) / "stdout").unlink()
    os.rename(house.task_directory(run, 1), house.root / "away")
    os.unlink(house.task_directory(run, 2) / "stderr")
    os.symlink("/etc/passwd", house.task_directory(run, 2) / "stderr")
    run.logs.clear()
    await house.collect(run)
    assert {0: ("log stdout",), 1: ("log stdout", "log stderr"), 2: ("log stderr",)} == run.lost
    assert {(0, "stderr"): b"", (2, "stdout"): b"2\n"} == run.logs
