"""Run the command line: errors become one sentence and an exit code."""

from __future__ import annotations

import gc
import os
import sys
import traceback
import warnings
from collections.abc import Sequence

from common_compute_cli.errors import COULD_NOT_ASK, CommandLineError
from common_compute_cli.interrupts import unwind_on_sigterm

_INTERRUPTED = 130
_DEBUG = "--debug"


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code."""
    arguments, debug = _without_debug(arguments)
    try:
        try:
            from common_compute_cli.extras import needs  # noqa: PLC0415  (what follows may not be installed)

            with needs("cli"):
                from common_compute_cli.program import app  # noqa: PLC0415
            app(list(arguments), prog_name="common-compute")
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else COULD_NOT_ASK if end.code else 0
    except CommandLineError as error:
        if debug:
            traceback.print_exc()
        sys.stderr.write(f"common-compute: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter must not complain about it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001  (the last door before the terminal: no stack trace passes it)
        if debug:
            traceback.print_exc()
        sys.stderr.write(
            f"common-compute: This is a defect of the program: {type(error).__name__}: {error}. "
            f"{_DEBUG} shows where it happened.\n"
        )
        return COULD_NOT_ASK
    return 0


def main() -> None:
    """Be the program."""
    unwind_on_sigterm()
    # Most of what there is lives as long as the process: to look for garbage in it takes a tenth of the time.
    gc.set_threshold(50_000, 20, 20)
    if not sys.warnoptions:
        # A library's words to its developers are nothing that a user can act on.
        warnings.simplefilter("ignore")
    sys.exit(run(sys.argv[1:]))


def _without_debug(arguments: Sequence[str]) -> tuple[Sequence[str], bool]:
    """Take `--debug` out of the options, wherever it stands before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [argument for argument in arguments[:end] if argument != _DEBUG]
    return [*kept, *arguments[end:]], len(kept) < end


if __name__ == "__main__":
    main()
