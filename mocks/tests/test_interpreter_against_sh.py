"""The interpreter does what the machine's own /bin/sh does: the same scripts, the same bytes, codes and files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from common_compute_mocks.interpreter.machine import TaskInput, run

PATH = "/usr/bin:/bin"

SCRIPTS = {
    "words": r"""echo a  b 'c  d' "e  f" g\ h""",
    "printf then exit": "printf hello; exit 3",
    "empty": "",
    "comment": "# nothing\necho one # two\necho a#b",
    "line continuation": "echo a \\\n b",
    "and or": "true && echo yes || echo no; false && echo yes || echo no; ! true || echo not; true || echo never",
    "not": "! false; echo $?; ! true; echo $?",
    "separators": "echo a;echo b\necho c",
    "variables": 'x=1; y="$x 2"; echo $y "${y}" ${x}z $nothing "$nothing" end',
    "defaults": 'echo ${a-d} ${a:-e} "${a:-f g}"; a=; echo "${a-d}" ${a:-e} ${a+set} ${a:+full}; : ${b:=new}; echo $b',
    "default words are split": 'set -- ${x:-a b} "${x:-c d}" ${x:-\'e f\'}; for i; do echo "<$i>"; done',
    "required": "echo ${X:?gone}; echo no",
    "length": "x=hello; echo ${#x} ${#nothing} ${#} $#",
    "cutting": 'p=/a/b.tar.gz; echo ${p##*/} ${p#*/} ${p%.*} ${p%%.*} "${p%"gz"}" ${p#x}',
    "cutting quoted star": "s='a*b*c'; echo \"${s#a'*'}\" \"${s%'*'*}\" \"${s##*\\*}\"",
    "splitting": 'x="a  b c"; set -- $x; echo $#; IFS=:; y=1::2:; set -- $y; echo $#; echo "$*"',
    "splitting mixed": 'IFS=": "; x="  a : b::c  "; set -- $x; echo $#; for i in "$@"; do echo "<$i>"; done',
    "splitting joins words": 'x="a b"; set -- 1${x}2; echo $#; echo "$1|$2"; set -- $x"$x"$x; echo "$#"',
    "empty fields": """set -- "" '' $nothing "$nothing"; echo $#""",
    "positional": 'set -- a "b c" d; echo $# "$2" $*; echo "$@"; shift; echo $1; shift 2; echo $#; echo "<$@>"',
    "at sign": 'set -- a "b c"; for i in "$@"; do echo "<$i>"; done; for i in "x$@y"; do echo "[$i]"; done; for i in $@; do echo $i; done',
    "at sign of nothing": 'set --; for i in "$@"; do echo never; done; for i in "x$@"; do echo "<$i>"; done; echo "$*|"',
    "special parameters": 'false; echo $?; true; echo $?; echo $-; echo "$#"; echo "${1-none}"',
    "substitution": 'x=$(echo a; echo b); echo "$x"; echo $x; echo "$(printf "a\\n\\n")|"; echo `echo back \\`echo in\\``',
    "substitution status": "x=$(exit 4); echo $?; echo $(exit 5) $?; x=1; echo $?",
    "substitution quotes": 'echo "$(echo "in \\"side\\" $(echo "deep  er")")"',
    "arithmetic": "i=5; echo $((i+1)) $((i*2-3)) $((7/2)) $((-7/2)) $((-7%3)) $((1<<4)) $((i>3&&i<9)) $((i==5?10:20))",
    "arithmetic assignment": "i=1; : $((i+=4)); echo $i $((j=3)) $j $(((1+2)*3)) $((0x1f)) $((010)) $((~0)) $((!3))",
    "arithmetic of parameters": 'set -- 4; x=3; echo $(($1*$x)) "$(( $(echo 2) + x ))"',
    "division by zero": "x=$((1/0)); echo no",
    "if": "if false; then echo 1; elif true; then echo 2; else echo 3; fi; if false; then :; fi; echo $?",
    "while": "i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i -eq 2 ] && continue; [ $i -eq 4 ] && break; echo $i; done",
    "until": "i=3; until [ $i -eq 0 ]; do echo $i; i=$((i-1)); done",
    "for": "for i in 1 2 3; do echo $i; done; echo $i; for i in; do echo never; done\nfor j in a\ndo echo $j\ndone",
    "nested break": "for i in 1 2; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; break 1; done; done",
    "case": 'for i in ab xb "*" q; do case $i in a*|"*") echo one;; [wx]?) echo two;; *) echo other; esac; done; case x in (x) echo p;; esac',
    "case quotes": 'x="a*"; case "abc" in "$x") echo no;; $x) echo yes;; esac; case q in [!a-p]) echo out;; esac',
    "function": 'f() { echo "$# $1"; return 3; echo no; }; f a b; echo $?; echo $#; g() (exit 7); g; echo $?',
    "group": "{ echo a; echo b; } > g; cat g; (x=1; echo in $x); echo out $x; (exit 6); echo $?",
    "pipes": "echo abc | cat | cat; printf 'a\\nb\\n' | while read x; do echo \"<$x>\"; done; false | true; echo $?; true | false; echo $?",
    "pipe subshell": "x=1; echo 2 | read x; echo $x; echo a | { read y; echo got $y; }",
    "redirections": "echo a > f; echo b >> f; cat < f; cat f > g; wc -c < g; echo err >&2; echo both > h 2>&1; cat h",
    "descriptor order": "{ echo out; echo err >&2; } > f 2>&1; cat f; { echo out; echo err >&2; } 2>&1 > g; cat g",
    "third descriptor": "exec 3> f; echo a >&3; echo b >&3; exec 3>&-; cat f; echo x 3>&1 >&3",
    "redirection alone": "> empty; : > also; [ -f empty ] && wc -c < also",
    "missing file": "cat < nope; echo $?; cat nope; echo $?",
    "no such directory": "echo a > no/where; echo $?; cd nope; echo $?",
    "here document": "x=1\ncat <<EOF\na $x $(echo b) \\$x `echo c`\n\"q\" 'r'\nEOF\ncat <<'EOF'\n$x\nEOF\ncat <<-EOF\n\ttabs\n\tEOF\necho end",
    "two here documents": "cat <<A; cat <<B\none\nA\ntwo\nB",
    "quotes": """echo 'a"b' "a'b" "a\\$b" "a\\nb" 'a\\nb' "\\"" "$" '' """,
    "hostile": """printf '%s\\n' '*' "?" '$HOME' "`echo x`" '~' ~x "a\\\\b" 'new
line' """,
    "globs": "touch b.txt a.txt .hidden.txt c.dat; mkdir d; touch d/e.txt; echo *.txt; echo */*; echo *.none; echo '*'; echo [bc]*; echo .h*; echo ?.txt",
    "glob order": "touch B a C; echo *; for f in *; do echo $f; done; set -f; echo *",
    "printf forms": r"""printf '%s|%5s|%-5s|%.2s|%c\n' a b c defg hij; printf '%d %5d %-5d| %05d %+d %x %X %o %u\n' 1 2 3 4 5 255 255 8 9""",
    "printf escapes": r"""printf 'a\tb\\n\101\060\0\n'; printf '%b' 'x\ty\0101\n'; printf '%b|' 'a\cb' c; printf '\x41\n'""",
    "printf bytes": r"""printf '\377\000\200\n'; printf '%s\n' "$(printf '\303\251')" """,
    "printf again": r"""printf '%s-%s\n' a b c; printf '%d\n'; printf 'none\n' x y; printf '%s' ; printf '%%|\n'""",
    "printf numbers": r"""printf '%d %d %d %i\n' 0x10 010 "'A" -5; printf '%.3d|%#x|%#o|% d\n' 5 255 8 3; printf '%x\n' -1""",
    "printf floats": r"""printf '%.2f %e %g %5.1f|\n' 3.14159 12345.678 0.0001 2""",
    "printf faults": r"""printf '%d\n' abc; echo $?; printf '%d\n' 12x; echo $?""",
    "printf star": r"""printf '%*d|%.*s\n' 5 42 2 abc""",
    "echo escapes": r"""echo 'a\tb' 'c\\d' '\0101'; echo -n x; echo; echo 'a\cb' c; echo -e x""",
    "test strings": "[ a = a ]; echo $?; [ a != a ]; echo $?; [ -z '' ]; echo $?; [ -n '' ]; echo $?; [ '' ]; echo $?; [ ]; echo $?; test x; echo $?",
    "test numbers": "[ 1 -lt 2 ] && [ 2 -ge 2 ] && [ ! 3 -eq 4 ] && echo ok; [ 1 -eq x ]; echo $?",
    "test joined": "[ a = a -a b = c ]; echo $?; [ a = a -o b = c ]; echo $?; [ ! -e x ]; echo $?; [ \\( a = b \\) -o c ]; echo $?",
    "test files": 'touch f; mkdir d; ln -s f l; for t in -e -f -d -s -L -r; do for n in f d l none; do [ $t $n ] && echo "$t $n"; done; done; [ -c /dev/null ] && [ -x /bin/sh ] && echo ok',
    "cat": "printf 'a\\nb' > f; cat f f; cat - < f; echo x | cat f -; cat /dev/null; echo $?",
    "head": "seq 20 > f; head f; head -n 2 f; head -3 f; head -c 5 f; head -n -18 f; head -c -48 f; head -n1 < f; head -n 1 f f",
    "head of zero": "head -c 5 /dev/zero | wc -c; head -c 2K /dev/zero > z; wc -c < z",
    "tail": "seq 20 > f; tail -n 2 f; tail -c 4 f; tail -n +19 f; tail -1 f",
    "wc": "printf 'a b\\nc\\n' > f; wc -l < f; wc -w < f; wc -c < f; wc -l f; cat f | wc -l",
    "seq": "seq 3; seq 2 4; seq 1 2 6; seq 3 -1 1",
    "sort": "printf 'b\\na\\nc\\na\\n' | sort; printf '10\\n9\\n' | sort -n; printf 'b\\na\\nb\\n' | sort -ru",
    "tr": "echo hello | tr a-z A-Z; echo a-b-c | tr -d -; echo 'a b' | tr ' ' '\\n'; echo xyz | tr xyz ab",
    "files": "mkdir -p a/b/c; echo 1 > a/b/x; cp a/b/x y; mv y z; ln -s a/b/x link; cat link z; rm z; ls; ls a/b; rmdir a/b/c; rm -r a; ls",
    "failing files": "mkdir a; mkdir a; rmdir nope; rm nope; rm a; echo $?; rm -f nope; echo $?; cat a; mkdir x/y; cp nope z; mv nope z",
    "links": "echo a > f; ln -s f l; echo b > l; cat f; ln -s nowhere d; cat d; echo made > d; cat nowhere; ln f h; echo c >> h; cat f; [ -L l ] && echo link",
    "cd": 'mkdir -p d/e; cd d/e; echo "${PWD##*/}"; cd ..; echo "${PWD##*/}"; cd - > /dev/null; echo "${PWD##*/}"; cd; pwd | cat > /dev/null; cd /nope; echo $?',
    "env": "env -i A=1 B='x y' env; A=5 sh -c 'echo $A'; export C=3; sh -c 'echo $C'; D=4; sh -c 'echo <$D>' 2>/dev/null; env -u C sh -c 'echo ${C-unset}'",
    "export": "export A=1 B; B=2; sh -c 'echo $A$B'; unset A; sh -c 'echo <${A-none}>'; A=x true; echo ${A-still}",
    "assignment before": "x=1; x=2 echo $x; x=3 eval 'echo $x'; x=4 :; echo $x",
    "sh": "sh -c 'echo $0 $1 $#' name a b; echo 'echo from stdin' | sh; echo 'echo file $1' > s; sh s arg; sh -c 'exit 9'; echo $?",
    "executable": "printf '#!/bin/sh\\necho run $0 $1\\n' > s; ./s; echo $?; chmod +x s; ./s x; ./nope; echo $?; mkdir d; ./d; echo $?",
    "not found": "/no/such/command a; echo $?; ./missing; echo $?",
    "path": "PATH=/nowhere; cat f; echo $?; printf 'builtin\\n'",
    "own signal": "kill -TERM $$; echo never",
    "own kill": "echo before; kill -9 $$",
    "own signal by name": "kill -s INT $$; echo never",
    "own signal in subshell": "(kill -TERM $$; echo maybe > /dev/null); sleep 0.01; echo never",
    "child's signal": "sh -c 'kill -9 $$'; echo $?; sh -c 'kill -TERM $$'; echo $?; sh -c 'kill -SEGV $$'; echo $?",
    "harmless signal": "kill -0 $$; echo $?; kill -CONT $$; echo $?; trap '' TERM; kill -TERM $$; echo alive",
    "no process": "kill 99999999; echo $?",
    "background": "sleep 0.02 & wait; echo done; (exit 5) & wait $!; echo $?; echo a & wait; true & wait",
    "background killed": "sleep 5 & kill $!; wait $!; echo $?",
    "exec": "exec sh -c 'echo $0; exit 4' x; echo never",
    "exec redirect": "exec > f 2>&1; echo in file; cat nope",
    "eval": "x='echo $y'; y=7; eval $x; eval 'echo \"a  b\"'; eval; echo $?",
    "source": "echo 'v=9; echo sourced $v' > s; . ./s; echo $v",
    "set e": "set -e; false || echo forgiven; if false; then :; fi; ! true; (false; echo no) || echo sub; echo on; false; echo never",
    "set e in substitution": "set -e; x=$(false; echo no); echo never",
    "set e pipeline": "set -e; false | true; echo on; true | false; echo never",
    "set u": "set -u; echo ${a-ok}; echo $a; echo never",
    "read": 'printf \'a b c\\nx\\\\y\\nlast\' > f; { read p q; echo "$p|$q"; read -r r; echo "$r"; read s; echo "$? $s"; read t; echo $?; } < f',
    "read ifs": "printf 'a:b c:d\\n' | { IFS=: read p q; echo \"$p|$q\"; }; printf '  lead  \\n' | { IFS= read -r l; echo \"<$l>\"; }; printf ' t \\n' | { read l; echo \"<$l>\"; }",
    "command": "command echo a; command -v cat; command -v echo; command -v nosuchthing; echo $?",
    "tilde": 'HOME=/h; echo ~ ~/x "~" a~ x=~',
    "exit codes": "(exit 300); echo $?; sh -c 'exit 255'; echo $?; f() { return 2; }; f; echo $?; exit",
    "exit in loop": "for i in 1 2 3; do echo $i; [ $i = 2 ] && exit 8; done",
    "syntax error": "echo a; if",
    "syntax error in eval": "eval 'for'; echo never",
    "unterminated quote": "echo 'a",
    "unexpected": "echo a; done",
    "nothing between": "echo a;; echo b",
    "bad substitution": "echo ${a!b}",
    "closed output": "echo a >&-; echo $?; cat f 2>&-; echo $?",
    "nul": "printf 'a\\0b' > f; x=$(cat f); echo ${#x}; wc -c < f",
    "non-ascii": "x=é; echo ${#x} \"$x\" ${x%?} | wc -c; printf '%s\\n' 'ünï→😀'",
    "deep pipe": "seq 100 | head -n 50 | tail -n 25 | wc -l",
    "while read file": 'seq 3 > f; while read n; do echo "n=$n"; done < f; while read n; do :; done < f; echo "<$n>"',
    "many lines": "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done",
}


@pytest.fixture(scope="module", autouse=True)
def same_shell() -> None:
    """Hold the interpreter against dash, whose words it speaks."""
    if not os.path.realpath("/bin/sh").endswith("dash"):
        pytest.skip("the machine's /bin/sh is not dash: its messages differ")


def real(argv: list[str], where: Path) -> tuple[int, bytes, bytes, dict[str, bytes]]:
    environment = {"PATH": PATH, "HOME": str(where), "LANG": "C", "LC_ALL": "C"}
    done = subprocess.run(
        argv, cwd=where, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=20
    )
    return done.returncode, done.stdout, done.stderr, files_of(where)


def files_of(where: Path) -> dict[str, bytes]:
    found = sorted(path for path in where.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(where)): path.read_bytes() for path in found}


def worked_out(argv: list[str], where: Path) -> tuple[int | None, bytes, bytes, dict[str, bytes]]:
    environment = {"PATH": PATH, "HOME": str(where), "LANG": "C", "LC_ALL": "C"}
    done = run(argv, environment, directory=str(where))
    code = -done.signal if done.signal is not None else done.exit_code
    return code, done.log("stdout"), done.log("stderr"), dict(done.files)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_ends_and_writes_as_under_sh(name: str, tmp_path: Path) -> None:
    """A script's exit code or signal, both streams and its files are those that /bin/sh gives."""
    argv = ["/bin/sh", "-c", SCRIPTS[name]]
    assert real(argv, tmp_path) == worked_out(argv, tmp_path)


COMMANDS = {
    "hostile argv": [
        "printf",
        "%s\\n",
        "a b",
        "",
        "'",
        '"',
        "$HOME",
        "`id`",
        "*",
        "\\",
        "\n",
        "é→😀",
        "-n",
        "{}",
    ],
    "echo is a program": ["echo", "a\\tb", "-n", "*"],
    "echo without a line feed": ["echo", "-n", "x"],
    "hexadecimal escapes": ["printf", "\\x41\\101\\n"],
    "arguments of sh": [
        "/bin/sh",
        "-c",
        'for i in "$@"; do printf "<%s>" "$i"; done; echo $0',
        "zero",
        "a b",
        "",
        "*",
    ],
    "sh stops at options": ["sh", "-e", "-c", "false; echo never"],
    "true": ["true"],
    "false": ["/bin/false"],
    "cat of nothing": ["cat"],
    "cat of a missing file": ["cat", "missing"],
    "env runs": ["env", "A=1", "B= =2", "sh", "-c", 'printf "%s" "$A$B"'],
    "env misses": ["env", "/no/such"],
    "sleep": ["sleep", "0.01"],
    "sleep badly": ["/bin/sh", "-c", "sleep x 2>/dev/null; echo $?"],
    "script of a missing file": ["/bin/sh", "nope.sh"],
    "kill": ["sh", "-c", "/bin/kill -TERM $$; sleep 1"],
    "test": ["test", "a", "=", "b"],
    "head of nothing": ["head", "-c", "3"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_ends_and_writes_as_the_program(name: str, tmp_path: Path) -> None:
    """A command's exit code or signal, both streams and its files are those of the real program."""
    assert real(COMMANDS[name], tmp_path) == worked_out(COMMANDS[name], tmp_path)


def test_an_input_can_be_run_and_read(tmp_path: Path) -> None:
    """Inputs lie in the working directory with their bytes, and run if they are executable."""
    script = b'#!/bin/sh\ncat data/in.bin\nprintf %s "$1"\n'
    inputs = [TaskInput("run.sh", script, executable=True), TaskInput("data/in.bin", b"\x00\xff\n")]
    for entry in inputs:
        path = tmp_path / entry.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(entry.content)
        path.chmod(0o755 if entry.executable else 0o644)
    expected = real(["./run.sh", "a b"], tmp_path)
    done = run(["./run.sh", "a b"], {"PATH": PATH}, inputs, directory=str(tmp_path))
    assert expected == (done.exit_code, done.log("stdout"), done.log("stderr"), dict(done.files))


@pytest.mark.parametrize("value", ["a b", "", "'", '"', "$(id)", "a=b;c", "x\ny", "é→😀", "\\", "\t"])
def test_an_environment_value_arrives_byte_for_byte(value: str, tmp_path: Path) -> None:
    """A variable's value reaches the command as it was given."""
    done = run(["/bin/sh", "-c", 'printf %s "$HOSTILE"'], {"PATH": PATH, "HOSTILE": value})
    assert value.encode() == done.log("stdout")
    shown = run(["env"], {"PATH": PATH, "HOSTILE": value})
    assert f"PATH={PATH}\nHOSTILE={value}\n".encode() == shown.log("stdout")
