"""Write the job specifications of the specimens: few jobs, each looked at by many checks.

Their commands use only what a facility's probe promises: /bin/sh, printf, cat, sleep, env, kill, head.
Directories come from inputs, since nothing promises mkdir; all files that a check reads back end in `.seen`,
so that no input is taken for one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from common_compute_conformance.errors import NotApplicable
from common_compute_conformance.pace import Pace
from common_compute_conformance.target import Target

Body = dict[str, Any]
Recipe = Callable[[Target, Pace], Body]

# What a shell, a printf, a CSV, a JDL or an --export would break.
HOSTILE = (
    "",
    " ",
    "two words",
    "'",
    '"',
    "a'b\"c",
    "`env`",
    "$HOME",
    "${PATH}",
    "$(env)",
    "\\",
    "\\n",
    "line\nfeed",
    "ends with a line feed\n",
    "\r\n",
    "tab\there",
    "%s %d %%",
    ";",
    "a;b && c | d > e < f &",
    "*",
    "?",
    "[a-z]",
    "~",
    "#",
    "!x",
    "a,b=c:d",
    "=",
    "-n",
    "--",
    "{a,b}",
    "{{NAME}}",
    "\x01\x7f",
    "größe € 日本",
    "\U0001f52d\U0001f469\u200d\U0001f680",
    "e\u0301 \u202e",
)

# Jobs that go on until they are cancelled: at most one at a time, since a facility may have few places.
LASTING = frozenset({"long", "silent", "long-array"})
MANY = 101
METADATA_BYTES = 65536
PLAIN_RESULT = "one result\n"
PLAIN_STDOUT = "to the standard output\n"
PLAIN_STDERR = "to the standard error\n"
OWN_LANG = "eo_XX.certification"  # a locale that no facility sets
LONG_FIRST = "the first line\n"
LONG_SECONDS = 300
LONG_PARTIAL = "written before the end"
ARRAY_EXITS = {1: 7, 2: 5}
ARRAY_PARAMETERS = (
    {"WORD": "alpha", "NEXT": "{{WORD}}"},
    {"WORD": "be ta", "NEXT": "{{CC_TASK_INDEX}}"},
    {"WORD": "$x'\"", "NEXT": "plain"},
)
EXECUTABLE = b'#!/bin/sh\nprintf "ran with %s" "$1"\n'
BRACES_PATH = "brace-{{NAME}}.txt"
ODD_NAMES = ("größe 日本.odd", 'it\'s "odd" & $x;.odd', "two  blanks.odd")

_RECIPES: dict[str, Recipe] = {}


def _specimen(name: str) -> Callable[[Recipe], Recipe]:
    def register(recipe: Recipe) -> Recipe:
        _RECIPES[name] = recipe
        return recipe

    return register


def write(name: str, target: Target, pace: Pace) -> Body:
    """Return the body of a specimen; raises NotApplicable where the facility has no place for it.

    All but the barest carry a label with the name of this run.
    """
    body = _RECIPES[name](target, pace)
    if name != "bare":
        body = {**body, "labels": {"run": pace.run_name, **body.get("labels", {})}}
    return body


def inline(path: str, content: bytes, **members: Any) -> Body:
    """Return an input with its bytes in the job specification."""
    return {
        "path": path,
        "source": {"kind": "inline", "content_base64": b64encode(content).decode()},
        **members,
    }


def job(target: Target, *command: str, **members: Any) -> Body:
    """Return the smallest body for this command, and the members given."""
    return {
        "facility_id": target.facility_id,
        "software": target.software,
        "command": list(command),
        **members,
    }


def script(target: Target, text: str, *arguments: str, **members: Any) -> Body:
    """Return a body that runs a shell script."""
    return job(target, "/bin/sh", "-c", text, "sh", *arguments, **members)


@_specimen("plain")
def _plain(target: Target, _pace: Pace) -> Body:
    return script(
        target,
        'printf "one result\\n" > plain.seen; printf "to the standard output\\n"; '
        'printf "to the standard error\\n" >&2',
        name="Certification: a plain job",
        outputs=[{"path": "plain.seen"}],
        labels={"certification": "plain", "empty": "", "odd": "a=b & c", "org.example/key": "größe"},
        metadata={"nothing": None, "number": 1.5, "list": [1, {"deep": [None, True]}], "text": "größe €"},
    )


@_specimen("bare")
def _bare(target: Target, _pace: Pace) -> Body:
    return job(target, "printf", "%s", "bare")


@_specimen("optional")
def _optional(target: Target, _pace: Pace) -> Body:
    return job(
        target, "printf", "%s", "optional", outputs=[{"path": "never-written.seen", "required": False}]
    )


@_specimen("faithful")
def _faithful(target: Target, pace: Pace) -> Body:
    names = [f"HOSTILE_{number}" for number in range(len(HOSTILE))]
    long = "".join(pace.random.choices("abcdefghijklmnopqrstuvwxyz \"'$\\", k=100_000))
    values = " ".join(f'"${name}"' for name in names)
    return script(
        target,
        f"""at_start=$(printf '%s/' *)
printf '%s\\0' "$@" > argv.seen
printf '%s\\0' {values} > environment.seen
printf '%s' "$at_start" > start.seen
(cd "$HOME" && pwd -P) > home.seen
pwd -P > cwd.seen
printf 'kept' > "$TMPDIR/certification" && cat "$TMPDIR/certification" > tmpdir.seen
printf '%s\\0' "$CC_JOB_ID" "$CC_TASK_INDEX" "$CC_TASK_COUNT" > identity.seen
printf '%s\\0' "$PATH" "$LANG" > defaults.seen
cat data/deep/bytes.in > bytes.seen
./bin/tool 'an argument' > tool.seen
cat {BRACES_PATH!r} > braces.seen
exit 0""",
        *HOSTILE,
        long,
        environment=dict(zip(names, HOSTILE, strict=True)),
        inputs=[
            inline("data/deep/bytes.in", bytes(range(256))),
            inline("bin/tool", EXECUTABLE, executable=True),
            inline(BRACES_PATH, b"in braces"),
        ],
        outputs=[{"path": "*.seen"}],
    )


@_specimen("files")
def _files(target: Target, pace: Pace) -> Body:
    size = min(60_000, int(target.limits["max_inline_total_bytes"]) // 4)
    names = " ".join(
        f"{name!r}" if "'" not in name else '"it\'s \\"odd\\" & \\$x;.odd"' for name in ODD_NAMES
    )
    return script(
        target,
        f"""put() {{ for name in "$@"; do printf '%s' "$name" > "$name"; done; }}
put glob/a.one glob/ab.one glob/a.two glob/c.two glob/a.three glob/c.three glob/x.four glob/sub/y.four
put glob/f.five glob/sub/f.five glob/sub/deep/f.five glob/.dot/f.five all/b.six all/sub/c.six
put glob/seen.seven glob/.unseen.seven glob/.seen.eight glob/.dot/seen.nine glob/real.ten
if ln -s real.ten glob/link.ten 2>/dev/null && ln -s sub glob/linked 2>/dev/null
then printf yes > links.seen; else printf no > links.seen; fi
for name in {names}; do printf '%s' "$name" > "$name"; done
: > empty.dat
cat seed.in seed.in seed.in > big.dat
cat out.in
cat err.in >&2
exit 0""",
        inputs=[
            inline("glob/sub/deep/seed", b"s"),
            inline("glob/.dot/seed", b"s"),
            inline("all/sub/seed", b"s"),
            inline("seed.in", pace.random.randbytes(size)),
            inline("out.in", bytes(range(256)) + b"\nno line feed at the end"),
            inline("err.in", bytes(reversed(range(256))) + b"\r\n\xff\xfe"),
        ],
        outputs=[
            {"path": path}
            for path in (
                "glob/?.one",
                "glob/[ab].two",
                "glob/[!ab].three",
                "glob/*.four",
                "glob/**/*.five",
                "all/**",
                "glob/*.seven",
                "glob/.*.eight",
                "glob/.dot/*.nine",
                "glob/*.ten",
                "links.seen",
                "*.odd",
                "empty.dat",
                "big.dat",
            )
        ],
    )


FILES_MATCHED = {
    "one": {"glob/a.one"},
    "two": {"glob/a.two"},
    "three": {"glob/c.three"},
    "four": {"glob/x.four"},
    "five": {"glob/f.five", "glob/sub/f.five", "glob/sub/deep/f.five"},
    "seven": {"glob/seen.seven"},
    "eight": {"glob/.seen.eight"},
    "nine": {"glob/.dot/seen.nine"},
    "ten": {"glob/real.ten"},
}


@_specimen("many")
def _many(target: Target, _pace: Pace) -> Body:
    return script(
        target,
        f'i=0; while [ $i -lt {MANY} ]; do printf "%s" $i > $i.seen; i=$((i+1)); done',
        outputs=[{"path": "*.seen"}],
    )


def _shelf(number: int) -> Recipe:
    def recipe(target: Target, _pace: Pace) -> Body:
        return job(target, "printf", "%s", "x", name=f"Shelf {number}", labels={"shelf": "one"})

    return recipe


for _number in range(5):
    _RECIPES[f"shelf-{_number}"] = _shelf(_number)
SHELF = tuple(f"shelf-{_number}" for _number in range(5))


@_specimen("brim")
def _brim(target: Target, _pace: Pace) -> Body:
    labels = {f"{number:02}{'k' * 61}": "é" * 255 for number in range(62)}
    return job(
        target,
        "printf",
        "%s",
        "x",
        name="n" * 253 + "é\U0001f52d",
        labels={**labels, "empty": ""},
        metadata=metadata_of(METADATA_BYTES),
    )


def metadata_of(size: int) -> Body:
    """Return metadata that has `size` bytes as compact UTF-8 JSON, and more when its letters are escaped."""
    return {"text": "é" * 100 + "x" * (size - 200 - len('{"text":""}'))}


@_specimen("exit-nonzero")
def _exit_nonzero(target: Target, _pace: Pace) -> Body:
    return script(
        target,
        'printf "%s" "$LANG" > kept.seen; exit 3',
        environment={"LANG": OWN_LANG},
        outputs=[{"path": "kept.seen"}, {"path": "absent.seen"}],
    )


@_specimen("signal")
def _signal(target: Target, _pace: Pace) -> Body:
    # A shell that is the first process of a container survives its own signal: then 143 is what 128 + 15
    # would be.
    return script(target, "kill -TERM $$; exit 143")


@_specimen("no-command")
def _no_command(target: Target, _pace: Pace) -> Body:
    return job(target, "/nonexistent/no-such-program", "x")


@_specimen("output-missing")
def _output_missing(target: Target, _pace: Pace) -> Body:
    return job(target, "printf", "%s", "done", outputs=[{"path": "absent.seen"}])


@_specimen("long")
def _long(target: Target, _pace: Pace) -> Body:
    return script(
        target,
        f'printf "{LONG_FIRST[:-1]}\\n"; printf "{LONG_PARTIAL}" > partial.seen; sleep {LONG_SECONDS}; '
        'printf "never reached\\n"',
        outputs=[{"path": "partial.seen"}],
    )


@_specimen("silent")
def _silent(target: Target, _pace: Pace) -> Body:
    return job(target, "sleep", str(LONG_SECONDS))


@_specimen("over-time")
def _over_time(target: Target, _pace: Pace) -> Body:
    if target.resource("wall_time_seconds")["support"] != "enforced":
        raise NotApplicable("the facility does not enforce wall_time_seconds")
    return job(target, "sleep", str(LONG_SECONDS), resources={"wall_time_seconds": 1})


def _array_tasks(target: Target, wanted: int) -> int:
    if not target.claims("arrays"):
        raise NotApplicable("the facility does not claim arrays")
    return min(wanted, int(target.limits["max_array_tasks"]))


@_specimen("parameters")
def _parameters(target: Target, _pace: Pace) -> Body:
    return script(
        target,
        'at_start=$(printf "%s/" *); '
        'printf "%s\\0" "$at_start" "$CC_TASK_INDEX" "$CC_TASK_COUNT" "$WORD" "$NEXT" "$MIXED" "$@" '
        '> "out-$CC_TASK_INDEX.seen"; printf "task %s" "$CC_TASK_INDEX"',
        "{{WORD}}",
        "{{NEXT}}",
        "{{CC_TASK_INDEX}}/{{CC_TASK_COUNT}}",
        "{{ WORD }}",
        "{WORD}",
        "{{WORD}}{{NEXT}}",
        environment={"MIXED": "<{{WORD}}>"},
        inputs=[inline("in-{{CC_TASK_INDEX}}.txt", b"an input")],
        outputs=[{"path": "out-{{CC_TASK_INDEX}}.seen"}],
        array={"parameters": list(ARRAY_PARAMETERS[: _array_tasks(target, len(ARRAY_PARAMETERS))])},
    )


@_specimen("mixed")
def _mixed(target: Target, _pace: Pace) -> Body:
    cases = " ".join(f"{index}) exit {code};;" for index, code in ARRAY_EXITS.items())
    return script(
        target,
        f'printf "%s" "$CC_TASK_INDEX" > index.seen; case $CC_TASK_INDEX in {cases} esac',
        outputs=[{"path": "index.seen"}],
        array={"count": _array_tasks(target, 5)},
    )


@_specimen("long-array")
def _long_array(target: Target, _pace: Pace) -> Body:
    return job(target, "sleep", str(LONG_SECONDS), array={"count": _array_tasks(target, 2)})


def _tour(target: Target, kind: str) -> Body:
    probes = target.probes
    if kind not in probes:
        raise NotApplicable(f"the facility has no probe of kind {kind}")
    asked = {"wall_time_seconds": 60, "memory_bytes": 64 * 2**20}
    resources = {
        name: value for name, value in asked.items() if target.resource(name)["support"] != "unsupported"
    }
    body = script(
        target,
        """printf 'printf\\n' > tour.seen
printf 'cat\\n' | cat >> tour.seen
printf 'head\\nbehind\\n' | head -n 1 >> tour.seen
sleep 0 && printf 'sleep\\n' >> tour.seen
env MARK=env /bin/sh -c 'printf "%s\\n" "$MARK"' >> tour.seen
kill -0 $$ && printf 'kill\\n' >> tour.seen""",
        outputs=[{"path": "tour.seen"}],
        **({"resources": resources} if resources else {}),
    )
    return {**body, "software": probes[kind]}


@_specimen("tour-container")
def _tour_container(target: Target, _pace: Pace) -> Body:
    return _tour(target, "container")


@_specimen("tour-installed")
def _tour_installed(target: Target, _pace: Pace) -> Body:
    return _tour(target, "installed")


TOUR = "printf\ncat\nhead\nsleep\nenv\nkill\n"


@_specimen("default-version")
def _default_version(target: Target, _pace: Pace) -> Body:
    probes = target.probes
    if "installed" not in probes:
        raise NotApplicable("the facility has no probe of kind installed")
    body = job(target, "printf", "%s", "any version", outputs=[])
    return {**body, "software": {"kind": "installed", "name": probes["installed"]["name"]}}


def names() -> frozenset[str]:
    """Return the names of all specimens."""
    return frozenset(_RECIPES)
