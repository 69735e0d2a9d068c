"""What a task's command does, worked out in memory: the part of a POSIX machine that small jobs need.

A mock executes nothing of the machine that it runs on. It reads the command as a POSIX shell would and works
out, on files that exist only here and on a time that only this task has, which bytes the command writes and
how it ends. `machine.run` is the way in; it is a pure function of its arguments.

machine.py      one task from its argv to its end
syntax.py       a shell program as a tree; lexer.py and parser.py read it
session.py      one shell's variables, functions and options, and what its commands may ask of it
leaving.py      how a command is left before its end
shell.py        walks that tree, with loops.py, invocation.py (simple commands), redirection.py, expansion.py,
                patterns.py, arithmetic.py; special.py and builtins.py are its own commands
launch.py       finds what a name on the command line means and starts it
programs_*.py   the programs: text, files, processes
world.py        what the processes of one task share: files, logs, time, the limits
files.py        the file system, ends.py what a descriptor leads to

Inside, text is a str of which every character is one byte (Latin-1): what is no UTF-8 survives too.
"""
