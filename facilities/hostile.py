"""What a caller may send: words and names, which arrive byte for byte, and links, which nobody follows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

Job = Callable[..., dict[str, Any]]

WORDS = (
    "",
    " ",
    "it's \"quoted\" ''\\",
    "a\nb\n",
    "\r\t\x01\x1b[31m\x7f",
    "%s%n%%d %j %A",
    "; rm -rf / & | < > >> # !",
    "$HOME ${IFS} $(id) `id` $((1+1))",
    "*,? [a-z] ~root {a,b},",
    "--wrap=id",
    "A=B",
    "{{not_replaced}} ${FACILITY}",
    "é 日本語 \ufeff\u2028\u202e",
    "😀 \U0001d518\U0010ffff",
    "end with backslash\\",
)
"""As arguments and as values of variables."""
LONG_WORD = "'x " * 33_334

NAMES = (
    "-rf",
    "..\n..",
    "a..b/...",
    "new\nline\n",
    "etc/passwd\n",
    'it\'s "q" \\',
    "*[a]?,;%s",
    "$(id)`id`",
    " ",
    "é😀\U0010ffff",
    "{{x}}",
)
"""Of files. A job's own inputs hold no control characters; what a command writes may."""
INPUTS = [name for name in NAMES if name.isprintable() and "/" not in name]

SHOW = "cat /proc/$$/cmdline >argv; cat /proc/$$/environ >environ"
COPY = """\
for name; do
    case $name in */*) mkdir -p "out/${name%/*}" ;; *) mkdir -p out ;; esac
    printf %s "$name" >"out/$name"
done
cat in/* >all
"""
LINK = """\
mkdir real swapped; echo mine >real/passwd; echo mine >swapped/passwd; echo mine >.hidden
ln -s /etc/passwd link; ln -s /etc/passwd 'new
line'; ln -s /etc/passwd '..
..'; ln -s ../../../../../../../../etc/passwd up; ln -s ../run own-script; ln -s nowhere broken
ln -s / root; ln -s /etc real/etc; ln -s real inner; ln -s . self; ln -s .. above
mv swapped away; ln -s /etc swapped; mkfifo pipe
"""


def words_job(job: Job, facility: str, **members: Any) -> dict[str, Any]:
    """Give the body of a job that writes down what its command was given."""
    return job(
        *("/bin/sh", "-c", SHOW, "sh", *WORDS, LONG_WORD),
        facility=facility,
        environment={f"V{number}": word for number, word in enumerate(WORDS)},
        outputs=[{"path": "argv"}, {"path": "environ"}],
        **members,
    )


def names_job(job: Job, facility: str) -> dict[str, Any]:
    """Give the body of a job that gets files of all these names, and leaves some."""
    contents = {name: base64.b64encode(name.encode()).decode() for name in INPUTS}
    inputs = [
        {"path": f"in/{name}", "source": {"kind": "inline", "content_base64": content}}
        for name, content in contents.items()
    ]
    outputs = [{"path": path} for path in ("all", "out/**", "out/**/.*")]
    return job("/bin/sh", "-c", COPY, "sh", *NAMES, facility=facility, inputs=inputs, outputs=outputs)


def links_job(job: Job, facility: str, *outputs: str) -> dict[str, Any]:
    """Give the body of a job that leaves links to what is not its own, and wants some of it."""
    rules = [{"path": path} for path in outputs]
    return job("/bin/sh", "-c", LINK, facility=facility, outputs=rules)


def check_words(results: Mapping[str, bytes], *foreign: bytes) -> None:
    """See that all words arrived, and that no variable begins with a word of the facility's own."""
    expected = ["/bin/sh", "-c", SHOW, "sh", *WORDS, LONG_WORD]
    assert [word.encode() for word in expected] == results["argv"].split(b"\0")[:-1]
    variables = dict(each.partition(b"=")[::2] for each in results["environ"].split(b"\0")[:-1])
    given = {f"V{number}".encode(): word.encode() for number, word in enumerate(WORDS)}
    assert given == {name: variables.get(name) for name in given}
    assert not [name for name in variables if name.startswith(foreign)]


def check_names(results: dict[str, bytes]) -> None:
    """See that all files were there, and came home by their names."""
    read = results.pop("all")
    assert all(name.encode() in read for name in INPUTS)
    assert len(read) == sum(len(name.encode()) for name in INPUTS)
    assert {f"out/{name}": name.encode() for name in NAMES} == results


BEHIND_LINKS = ("link", "swapped/passwd", "root/etc/passwd", "self/**")
NO_LINKS = {"real/passwd": b"mine\n", "away/passwd": b"mine\n"}
"""What comes home of all that the links' job leaves."""
