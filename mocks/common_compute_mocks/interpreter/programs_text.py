"""Programs that read and write text: cat, head, tail, wc, seq, tr, sort, echo, printf."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from common_compute_mocks.interpreter.ends import MOST_BYTES_AT_ONCE, End, NullEnd
from common_compute_mocks.interpreter.failures import FileError, NotUnderstood
from common_compute_mocks.interpreter.printf import printf as print_form
from common_compute_mocks.interpreter.world import Process, Program

_UNITS = {
    "": 1,
    "b": 512,
    "kB": 1000,
    "K": 1024,
    "k": 1024,
    "KiB": 1024,
    "MB": 10**6,
    "M": 1 << 20,
    "MiB": 1 << 20,
}


def _inputs(process: Process, argv: list[str], names: list[str]) -> Iterator[tuple[str, End]]:
    """Open the files of a command line, or standard input, and complain about those that cannot be."""
    for name in names or ["-"]:
        if name == "-":
            yield name, process.stdin()
            continue
        try:
            yield name, process.open(name, "r")
        except FileError as error:
            quoted = f"cannot open '{name}' for reading" if argv[0] in ("head", "tail", "sort") else name
            process.complain(f"{argv[0]}: {quoted}: {error.words}")
            yield name, _Failed()


class _Failed(NullEnd):
    """What is read of a file that cannot be opened."""


def cat(process: Process, argv: list[str]) -> int:
    """Copy files to standard output."""
    names = [name for name in argv[1:] if name not in ("-u", "--")]
    _refuse_options(argv[0], names)
    status = 0
    for _, end in _inputs(process, ["cat"], names):
        status |= isinstance(end, _Failed)
        process.write(end.read().decode("latin-1"))
    return status


def head(process: Process, argv: list[str]) -> int:
    """Copy the first lines or bytes."""
    count, by_bytes, names = _count(argv)
    status, gap = 0, ""
    for name, end in _inputs(process, ["head"], names):
        status |= isinstance(end, _Failed)
        if len(names) > 1 and not isinstance(end, _Failed):
            process.write(f"{gap}==> {name} <==\n")
            gap = "\n"
        if by_bytes and count >= 0:
            _refuse_more_than_fits(count)
            process.write(end.read(count).decode("latin-1"))
        elif count >= 0:
            process.write(b"".join(end.read_line() for _ in range(count)).decode("latin-1"))
        else:
            kept = end.read() if by_bytes else end.read().splitlines(keepends=True)
            rest = kept[:count]
            process.write((rest if isinstance(rest, bytes) else b"".join(rest)).decode("latin-1"))
    return status


def tail(process: Process, argv: list[str]) -> int:
    """Copy the last lines or bytes."""
    from_start = any(re.search(r"^\+|^-[nc]\+", word) for word in argv[1:])
    count, by_bytes, names = _count([word.replace("+", "") for word in argv])
    status = 0
    for _, end in _inputs(process, ["tail"], names):
        status |= isinstance(end, _Failed)
        text = end.read().decode("latin-1")
        items = list(text) if by_bytes else text.splitlines(keepends=True)
        kept = items[max(0, count - 1) :] if from_start else items[max(0, len(items) - count) :]
        process.write("".join(kept))
    return status


def wc(process: Process, argv: list[str]) -> int:
    """Count lines, words and bytes."""
    kinds = "".join(word[1:] for word in argv[1:] if word.startswith("-") and word != "-")
    names = [word for word in argv[1:] if not word.startswith("-") or word == "-"]
    if len(names) > 1 or not set(kinds) <= set("lwc"):
        raise NotUnderstood(" ".join(argv))
    for name, end in _inputs(process, ["wc"], names):
        if isinstance(end, _Failed):
            return 1
        data = end.read()
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
        wanted = [counts[kind] for kind in "lwc" if kind in (kinds or "lwc")]
        width = 1 if len(wanted) == 1 else 7 if not names else len(str(len(data)))
        label = f" {name}" if names else ""
        process.write(" ".join(str(count).rjust(width) for count in wanted) + label + "\n")
    return 0


def seq(process: Process, argv: list[str]) -> int:
    """Count from one number to another."""
    if not 2 <= len(argv) <= 4 or not all(re.fullmatch(r"-?[0-9]+", word) for word in argv[1:]):
        raise NotUnderstood(" ".join(argv))
    numbers = [int(word) for word in argv[1:]]
    first, step = (numbers[0] if len(numbers) > 1 else 1), (numbers[1] if len(numbers) > 2 else 1)
    if not step:
        raise NotUnderstood("seq without an end")
    stop = numbers[-1] + (1 if step > 0 else -1)
    _refuse_more_than_fits((stop - first) // step * len(str(stop)))
    process.write("".join(f"{number}\n" for number in range(first, stop, step)))
    return 0


def sort(process: Process, argv: list[str]) -> int:
    """Sort lines by their bytes; -r, -n and -u."""
    kinds = "".join(word[1:] for word in argv[1:] if word.startswith("-") and word != "-")
    if not set(kinds) <= set("rnu"):
        raise NotUnderstood(" ".join(argv))
    lines: list[str] = []
    names = [word for word in argv[1:] if not word.startswith("-") or word == "-"]
    for _, end in _inputs(process, ["sort"], names):
        if isinstance(end, _Failed):
            return 2
        lines += end.read().decode("latin-1").removesuffix("\n").split("\n")
    if "u" in kinds:
        lines = list(dict.fromkeys(lines))
    lines.sort(
        key=(lambda line: (_leading_number(line), line)) if "n" in kinds else None, reverse="r" in kinds
    )
    process.write("".join(line + "\n" for line in lines))
    return 0


def _leading_number(line: str) -> float:
    found = re.match(r"\s*(-?[0-9]+(?:\.[0-9]*)?)", line)
    return float(found[1]) if found else 0.0


def tr(process: Process, argv: list[str]) -> int:
    """Replace or delete (-d) bytes of ranges and escapes."""
    delete = argv[1:2] == ["-d"]
    sets = argv[2:] if delete else argv[1:]
    if len(sets) != (1 if delete else 2) or any(
        (word.startswith("-") and word != "-") or "[:" in word for word in sets
    ):
        raise NotUnderstood(" ".join(argv))
    expanded = [_range(print_form(word.replace("%", "%%"), []).text) for word in sets]
    if delete:
        table: Mapping[int, int | None] = dict.fromkeys(map(ord, expanded[0]))
    else:
        length = len(expanded[0])
        table = dict(
            zip(map(ord, expanded[0]), map(ord, expanded[1].ljust(length, expanded[1][-1:])), strict=False)
        )
    process.write(process.stdin().read().decode("latin-1").translate(table))
    return 0


def _range(text: str) -> str:
    def spread(found: re.Match[str]) -> str:
        return "".join(map(chr, range(ord(found[1]), ord(found[2]) + 1)))

    return re.sub(r"(.)-(.)", spread, text, flags=re.DOTALL)


def echo(process: Process, argv: list[str]) -> int:
    """Write the arguments, which have no escapes for this program unless `-e` says so."""
    words = argv[1:]
    newline = "\n"
    if words[:1] == ["-n"]:
        newline, words = "", words[1:]
    if words and re.fullmatch(r"-[neE]+", words[0]):
        raise NotUnderstood(" ".join(argv[:2]))
    process.write(" ".join(words) + newline)
    return 0


def printf(process: Process, argv: list[str]) -> int:
    """Print in a form."""
    arguments = argv[2:] if argv[1:2] == ["--"] else argv[1:]
    if not arguments:
        process.complain("printf: missing operand")
        return 1
    printed = print_form(arguments[0], arguments[1:], hexadecimal=True)
    process.write(printed.text)
    for complaint in printed.complaints:
        process.complain(f"printf: {complaint}")
    return int(bool(printed.complaints))


def _count(argv: list[str]) -> tuple[int, bool, list[str]]:
    """Read the options of head and tail: how many, of bytes or lines, of which files."""
    count, by_bytes, names, words = 10, False, [], argv[1:]
    while words:
        word = words.pop(0)
        if word == "--":
            names += words
            break
        found = re.fullmatch(r"-(?:([nc])(-?[0-9]+)?([a-zA-Z]*)|([0-9]+))", word)
        if not word.startswith("-") or word == "-":
            names.append(word)
        elif found and found[4]:
            count = int(found[4])
        elif found:
            value = (found[2] and found[2] + found[3]) or (words.pop(0) if words else "")
            sized = re.fullmatch(r"(-?[0-9]+)([a-zA-Z]*)", value)
            if sized is None or sized[2] not in _UNITS:
                raise NotUnderstood(" ".join(argv))
            count, by_bytes = int(sized[1]) * _UNITS[sized[2]], found[1] == "c"
        else:
            raise NotUnderstood(" ".join(argv))
    return count, by_bytes, names


def _refuse_more_than_fits(size: int) -> None:
    if size > MOST_BYTES_AT_ONCE:
        raise NotUnderstood("more than this machine holds")


def _refuse_options(program: str, words: list[str]) -> None:
    for word in words:
        if word.startswith("-") and word != "-":
            raise NotUnderstood(f"{program} {word}")


PROGRAMS: dict[str, Program] = {
    "cat": cat,
    "echo": echo,
    "head": head,
    "printf": printf,
    "seq": seq,
    "sort": sort,
    "tail": tail,
    "tr": tr,
    "wc": wc,
}
