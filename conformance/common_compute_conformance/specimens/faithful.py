"""A job that tells exactly what reached it: arguments, variables, inputs, where it works."""

from __future__ import annotations

from common_compute_conformance.specimens.recipes import Body, Occasion, inline, recipe, script

# What a shell, a printf, a CSV, a JDL or an --export would break; the worst first, since a small facility
# takes fewer of them as variables.
HOSTILE = (
    "",
    "two  words",
    "'",
    '"',
    "a'b\"c",
    "$HOME",
    "$(env)",
    "`env`",
    "\\n",
    "line\nfeed",
    "a,b=c:d",
    "%s %d %%",
    ";",
    "*",
    "\U0001f52d\U0001f469\u200d\U0001f680",
    "größe € 日本",
    "ends with a line feed\n",
    "\r\n",
    " ",
    "${PATH}",
    "\\",
    "trailing backslash\\",
    "tab\there",
    "a;b && c | d > e < f &",
    "?",
    "[a-z]",
    "~",
    "#",
    "!x",
    "=",
    "-n",
    "--",
    "-e \\t",
    "{a,b}",
    "{{NAME}}",
    "{{CC_TASK_INDEX}}",
    "{{CC_TASK_COUNT}}",
    "https://user:word@example.org/path?token=x#y",
    "{}",
    "%n%x%5B%0A",
    "@file",
    "'; env; '",
    "a|b",
    "^caret^",
    "\x01\x1b[0m\x7f",
    "\u00a0\u2028\u0085",
    "\ufeffbom",
    "e\u0301 \u202e",
    "\U0010ffff\ud7ff\ue000",
)
EXECUTABLE = b'#!/bin/sh\nprintf "ran with %s" "$1"\n'
BRACES_PATH = "brace-{{NAME}}.txt"
BRACES_OUTPUT = "out-{{NAME}}-{{CC_TASK_INDEX}}.kept"
ODD_INPUT = "in put/größe 日本 'x'.in"
HIDDEN_INPUT = "data/.hidden"
EMPTY_INPUT = "data/empty.in"
LARGE_INPUT = "large.in"

_SPARE_BYTES = 64
_BODY_BYTES = 16_000  # of all but the longest argument


def octets(occasion: Occasion) -> bytes:
    """Return every byte there is, or the most telling ones where inputs may hardly hold any."""
    if occasion.inline_bytes >= 2000:
        return bytes(range(256))
    return b"\x00\x01\t\n\r\x1a\x7f\x80\xc3\x28\xff\xfe"


def variables(occasion: Occasion) -> dict[str, str]:
    """Return the hostile strings that this facility's environment takes, by the names of their variables."""
    chosen: dict[str, str] = {}
    room = occasion.environment_bytes - _SPARE_BYTES
    for number, value in enumerate(HOSTILE):
        name = f"H_{number}"
        room -= len(name) + len(value.encode())
        if room < 0:
            break
        chosen[name] = value
    return chosen


def _large_bytes(occasion: Occasion) -> int:
    """Return how many bytes the largest input has here; in a body each three of them take four."""
    room = max(0, occasion.request_bytes - 2 * occasion.budget.long_argument_bytes - _BODY_BYTES) // 2
    return max(1, min(100_000, occasion.inline_bytes // 3, room))


_LETTERS = b"abcdefghijklmnopqrstuvwxyz \"'$\\"
_TO_LETTERS = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))


@recipe("faithful")
def _faithful(occasion: Occasion) -> Body:
    environment = variables(occasion)
    # Half of what there is room for, as a quote takes two bytes in JSON.
    size = min(occasion.budget.long_argument_bytes, max(0, (occasion.request_bytes - _BODY_BYTES) // 2))
    long = occasion.pace.random.randbytes(size).translate(_TO_LETTERS).decode()
    values = " ".join(f'"${name}"' for name in environment)
    presence = " ".join(f'"${{{name}+set}}"' for name in environment)
    return script(
        occasion.target,
        f"""at_start=$(printf '%s/' *)
printf '%s\\0' "$@" > argv.seen
printf '%s\\0' {values} > environment.seen
printf '%s\\0' {presence} > presence.seen
printf '%s' "$HOME" > home-name.seen
printf '%s' "$at_start" > start.seen
(cd "$HOME" && pwd -P) > home.seen
pwd -P > cwd.seen
printf 'kept' > "$TMPDIR/certification" && cat "$TMPDIR/certification" > tmpdir.seen
printf '%s\\0' "$CC_JOB_ID" "$CC_TASK_INDEX" "$CC_TASK_COUNT" > identity.seen
printf '%s\\0' "$PATH" "$LANG" > defaults.seen
cat data/deep/bytes.in > bytes.seen
./bin/tool 'an argument' > tool.seen
cat {BRACES_PATH!r} > braces.seen
printf 'in braces' > {BRACES_OUTPUT!r}
cat {HIDDEN_INPUT} > hidden.seen
cat {LARGE_INPUT} > large.seen
if [ -f {EMPTY_INPUT} ] && [ ! -s {EMPTY_INPUT} ]; then printf yes > empty.seen; fi
for odd in "in put"/*; do printf '%s\\0' "$odd"; cat "$odd"; done > odd.seen
exit 0""",
        *HOSTILE,
        long,
        environment=environment,
        inputs=[
            inline("data/deep/bytes.in", octets(occasion) + b"\r\nx\r\n"),
            inline("bin/tool", EXECUTABLE, executable=True),
            inline(BRACES_PATH, b"in braces"),
            inline(ODD_INPUT, b"odd"),
            inline(HIDDEN_INPUT, b"hidden"),
            inline(EMPTY_INPUT, b""),
            inline(LARGE_INPUT, occasion.pace.random.randbytes(_large_bytes(occasion))),
        ],
        outputs=[{"path": "*.seen"}, {"path": BRACES_OUTPUT}],
    )
