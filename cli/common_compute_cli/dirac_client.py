"""Make an environment that has DIRAC's client, out of the versions that come with the connector."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from common_compute_cli.errors import InstallationFailed, WrongUsage

_VERSION = (3, 11)
_NAME = f"python{_VERSION[0]}.{_VERSION[1]}"
"""The pins are for this version of Python alone."""
_HAS_PIP = "import ensurepip, venv"
_COMPILED = (
    "M2Crypto is compiled, for which a C compiler, swig and the headers of OpenSSL and Python are needed "
    "(Debian: apt install gcc libc6-dev swig libssl-dev python3-dev)"
)


@dataclass(frozen=True, slots=True)
class Installer:
    """What makes the environment: the program uv, or where `uv` is None, Python's own venv and pip."""

    python: Path
    uv: Path | None

    def commands(self, place: Path, pins: Path) -> list[list[str]]:
        """Give the commands, in their order."""
        made = str(place / "bin" / "python")
        if self.uv is None:
            return [
                [str(self.python), "-m", "venv", str(place)],
                [made, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", str(pins)],
            ]
        # What an account without a right to write here imports is compiled now, or it would be each time.
        install = [str(self.uv), "pip", "install", "--compile-bytecode", "--no-deps", "--python", made]
        return [
            [str(self.uv), "venv", "--quiet", "--allow-existing", "--python", str(self.python), str(place)],
            [*install, "--quiet", "--requirements", str(pins)],
        ]


def find_installer(python: Path | None) -> Installer:
    """Find a Python of the right version, the one that is given or else one here, and what installs for it.

    Raises:
        WrongUsage: there is none.
    """
    found = _checked(python) if python is not None else _a_python()
    uv = shutil.which("uv")
    if uv is None and _ask(found, _HAS_PIP) is None:
        raise WrongUsage(
            f"There is nothing to install with: no program uv here, and {found} lacks the modules venv and "
            f"ensurepip. Install uv, or these modules (Debian: apt install {_NAME}-venv)."
        )
    return Installer(found, Path(uv) if uv else None)


def _checked(python: Path) -> Path:
    version = _ask(python, "import sys; print('%d.%d' % sys.version_info[:2])")
    if version is None:
        raise WrongUsage(f"{python} is no Python that runs: name another one with --python.")
    if version != _NAME.removeprefix("python"):
        raise WrongUsage(f"{python} is Python {version}: name a {_NAME} with --python.")
    return python


def _a_python() -> Path:
    if sys.version_info[:2] == _VERSION:
        return Path(sys.executable)
    path = shutil.which(_NAME)
    if path is None:
        raise WrongUsage(
            f"DIRAC's client is installed for {_NAME}, and there is none here: install it (Debian 12: "
            f"apt install {_NAME}), or name one with --python."
        )
    return Path(path)


def _ask(python: Path, source: str) -> str | None:
    """Give what a Python prints; None if it cannot."""
    try:
        done = subprocess.run([python, "-I", "-c", source], check=False, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def install(place: Path, installer: Installer) -> str:
    """Make the environment in an empty place, and give the version of DIRAC that it has.

    Raises:
        WrongUsage: the place cannot be used.
        InstallationFailed: a step failed; what had been made is removed.
    """
    with _emptied_on_failure(place), as_file(files("common_compute_dirac") / "requirements.txt") as pins:
        for command in installer.commands(place, pins):
            _run(command, place)
        # DIRAC reads a configuration from its root, and writes there.
        proof = (
            f"import os; os.environ['DIRAC_ROOT_PATH'] = {str(place)!r}; import DIRAC; print(DIRAC.version)"
        )
        version = _ask(place / "bin" / "python", proof)
        if version is None:
            raise InstallationFailed(place, "what was installed cannot be imported", "")
    return version


def refuse_taken(place: Path) -> None:
    """Come back if a place is empty, or not there yet.

    Raises:
        WrongUsage: it is not.
    """
    try:
        taken = place.exists() and (not place.is_dir() or any(place.iterdir()))
    except OSError as error:
        raise _cannot_be_made(place, error) from error
    if taken:
        raise WrongUsage(f"{place} is there already, and not empty: give another directory.")


def _cannot_be_made(place: Path, error: OSError) -> WrongUsage:
    return WrongUsage(f"{place} cannot be made ({error.strerror}): give another directory.")


@contextmanager
def _emptied_on_failure(place: Path) -> Iterator[None]:
    refuse_taken(place)
    there = place.exists()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_be_made(place, error) from error
    try:
        yield
    except BaseException:
        for each in place.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            else:
                each.unlink(missing_ok=True)
        if not there:
            place.rmdir()
        raise


def _run(command: Sequence[str], place: Path) -> None:
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode == 0:
        return
    said = done.stdout.decode(errors="replace")
    hint = _COMPILED if "m2crypto" in said.lower() else "the network, or the package index, may be the reason"
    raise InstallationFailed(place, f"`{shlex.join(command[:3])} ...` failed; {hint}", said)


def interpreter_line(place: Path) -> str:
    """Give the line of a configuration that names the environment's Python."""
    return f"interpreter = {json.dumps(str(place.absolute() / 'bin' / 'python'))}"
