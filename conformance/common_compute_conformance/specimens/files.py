"""A job that writes files of many kinds, and to both streams what no text is."""

from __future__ import annotations

from common_compute_conformance.specimens.faithful import octets
from common_compute_conformance.specimens.recipes import Body, Occasion, inline, recipe, script

MANY = 101
ODD_NAMES = (
    "größe 日本.odd",
    'it\'s "odd" & $x;.odd',
    "two  blanks.odd",
    "-n.odd",
    "100%41.odd",
    "a+b,c=d#e@f~.odd",
    "\U0001f52d.odd",
    "back\\slash.odd",
)
MATCHED = {
    "one": {"glob/a.one"},
    "two": {"glob/a.two"},
    "three": {"glob/c.three"},
    "four": {"glob/x.four"},
    "five": {"glob/f.five", "glob/sub/f.five", "glob/sub/deep/f.five"},
    "seven": {"glob/seen.seven"},
    "eight": {"glob/.seen.eight"},
    "nine": {"glob/.dot/seen.nine"},
    "ten": {"glob/real.ten"},
    "case": {"glob/ba.case"},
}
"""The paths that the patterns below `glob/` give, by what follows their last dot."""


def seed_bytes(occasion: Occasion) -> int:
    """Return how many bytes the seed of the big result has here."""
    return max(1, min(60_000, occasion.inline_bytes // 4))


def big_copies(occasion: Occasion) -> int:
    """Return how many times the seed stands in the big result: over a MiB where as much is kept."""
    room = int(occasion.target.limits.get("max_results_bytes", 2**40)) // 2
    return max(1, min(20, room // seed_bytes(occasion)))


@recipe("files")
def _files(occasion: Occasion) -> Body:
    return script(
        occasion.target,
        f"""put() {{ for name in "$@"; do printf '%s' "$name" > "$name"; done; }}
put glob/a.one glob/ab.one glob/a.two glob/c.two glob/a.three glob/c.three glob/x.four glob/sub/y.four
put glob/f.five glob/sub/f.five glob/sub/deep/f.five glob/.dot/f.five all/b.six all/sub/c.six
put glob/ba.case glob/Bb.case
put glob/seen.seven glob/.unseen.seven glob/.seen.eight glob/.dot/seen.nine glob/real.ten
if ln -s real.ten glob/link.ten 2>/dev/null && ln -s sub glob/linked 2>/dev/null
then printf yes > links.seen; else printf no > links.seen; fi
for name in "$@"; do printf '%s' "$name" > "./$name"; done
i=0; while [ $i -lt {MANY} ]; do printf '%s' $i > "$i.many"; i=$((i+1)); done
: > empty.dat
printf '%s' plain > notes.txt; printf '{{}}' > data.json; printf 'a,b' > table.csv
i=0; while [ $i -lt {big_copies(occasion)} ]; do cat seed.in; i=$((i+1)); done > big.dat
cat out.in seed.in seed.in
cat err.in >&2
exit 0""",
        *ODD_NAMES,
        inputs=[
            inline("glob/sub/deep/seed", b"s"),
            inline("glob/.dot/seed", b"s"),
            inline("all/sub/seed", b"s"),
            inline("seed.in", occasion.pace.random.randbytes(seed_bytes(occasion))),
            inline("out.in", octets(occasion) + b"\r\n\nno line feed at the end"),
            inline("err.in", octets(occasion)[::-1] + b"\r\n\xff\xfe"),
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
                "glob/b*.case",
                "notes.txt",
                "data.json",
                "table.csv",
                "links.seen",
                "*.odd",
                "*.many",
                "empty.dat",
                "big.dat",
            )
        ],
    )
