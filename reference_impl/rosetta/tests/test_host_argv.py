"""Arguments and environment reach the process byte for byte, whatever they hold."""

import asyncio
import json
import sys

import pytest

from common_compute_connector.protocol import Refused

pytestmark = pytest.mark.real

HOSTILE = [
    "",
    " ",
    "'",
    '"',
    "''\"\"'",
    "it's",
    "\\",
    "\\\\n\\0",
    "a\nb",
    "trailing newline\n",
    "\n\n",
    "\r\n\t\v\f\b\x07\x1b[31m\x7f",
    "\x01\x02\x1f",
    "%s%n%%d",
    "$HOME ${IFS} $(id) `id` $((1+1))",
    "* ? [a-z] ~ ~root {a,b}",
    "; rm -rf / & | < > >> << EOF # !",
    "-n",
    "--",
    "--help",
    "-",
    "A=B",
    "=",
    "!history",
    "{{not_replaced}}",
    "é ü ß Ω",
    "\u0081\u0082\u0088",
    "日本語",
    "😀 \U0001d518\U0010ffff",
    "\ufeffbom \u2028 \u202e",
    "\u00c1\u0080" + "\x81",
    "end with backslash\\",
    "x" * 100_000,
    "'" * 20_000,
]

ECHO = "import json,os,sys; json.dump([sys.argv[1:], dict(os.environb) and {k.decode(): v.decode() for k, v in os.environb.items()}], sys.stdout)"


async def test_hostile_arguments_and_environment(house, shell):
    """Every string of the corpus arrives as it was sent, as argument and as variable."""
    house.reopen(shell=shell)
    environment = {f"V{number}": text for number, text in enumerate(HOSTILE) if len(text) < 50_000}
    run = await house.run(sys.executable, "-I", "-c", ECHO, *HOSTILE, environment=environment)
    assert b"" == run.stderr
    arguments, variables = json.loads(run.stdout)
    assert HOSTILE == arguments
    assert environment == {name: value for name, value in variables.items() if name.startswith("V")}


async def test_hostile_parameters_of_an_array(house):
    """What is put into an array's words is never looked at again."""
    parameters = [{"P": text} for text in HOSTILE if len(text) < 1000]
    command = [sys.executable, "-I", "-c", ECHO, "<{{P}}>"]
    run = await house.run(*command, array={"parameters": parameters}, count=len(parameters))
    for index, parameter in enumerate(parameters):
        arguments, variables = json.loads(run.logs[index, "stdout"])
        assert ([f"<{parameter['P']}>"], parameter["P"]) == (arguments, variables["P"])


@pytest.mark.parametrize(
    "name", ["-n", "--", "a=b", "-a=b", "A=B c", "it's", "*", "new\nline", "exec", "é😀", "[", "!"]
)
async def test_hostile_names_of_commands(house, name):
    """A command's own name may be anything, by path and by search."""
    inputs = [
        {
            "path": f"bin/{name}",
            "executable": True,
            "source": {"kind": "inline", "content_base64": "IyEvYmluL3NoCmVjaG8gIiQjIgo="},
        }
    ]
    by_path = await house.run(f"bin/{name}", "1", "2", inputs=inputs)
    assert (b"2\n", b"") == (by_path.stdout, by_path.stderr)
    by_search = await house.run(name, "1", inputs=inputs, environment={"PATH": "bin:/usr/bin:/bin"})
    assert (b"1\n", b"") == (by_search.stdout, by_search.stderr)


async def test_many_arguments(house):
    """A command line of more than a megabyte arrives."""
    run = await house.run("sh", "-c", "echo $#", "sh", *["x" * 99] * 12_000)
    assert b"12000\n" == run.stdout


@pytest.mark.parametrize("words", [["x" * 131_072], ["x" * 1000] * 1900])
async def test_a_command_that_no_process_can_have_is_refused(house, words):
    """What the system would not take is refused in words, and other parts of the batch are not held up."""
    good = house.submission(house.spec("true"))
    refused, accepted = sorted(
        await house.connector.submit([house.submission(house.spec("echo", *words)), good]),
        key=lambda answer: answer.key == good.part.key,
    )
    assert isinstance(refused, Refused)
    assert ("submission-rejected", True) == (refused.reason.code, "longer than" in refused.reason.detail)
    assert good.part.key == accepted.key
    await asyncio.sleep(0)
