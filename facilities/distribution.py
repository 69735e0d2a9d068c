"""The distribution as others get it: built here, and installed where nothing is known of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
_NAMES = (
    "import importlib.metadata as m; print(*sorted(d.metadata['Name'].lower() for d in m.distributions()))"
)


def build(out: Path, *what: str) -> Path:
    """Build `--sdist`, `--wheel`, or without a word both, and give the folder."""
    subprocess.run([UV, "build", "--quiet", "--no-progress", *what, "--out-dir", out, ROOT], check=True)
    return out


def interpreter(version: str) -> str:
    """Give a Python of this version that is on this machine; none is downloaded."""
    find = [ROOT / "tools" / "find-python", version]
    return subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip()


def dependencies(extras: str, out: Path) -> Path:
    """Write the locked versions of what some extras need, as constraints."""
    chosen = [word for extra in extras.split(",") if extra for word in ("--extra", extra)]
    export = [UV, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", *chosen]
    subprocess.run([*export, "--output-file", out], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return out


@dataclass(frozen=True)
class Environment:
    """An environment with the distribution in it, and an empty folder in which its programs run."""

    place: Path
    room: Path

    @classmethod
    def made(cls, place: Path, python: str, wheel: Path, extras: str) -> Environment:
        """Make one with a wheel and its extras, of the versions that are locked."""
        environment = cls(place / "environment", place / "room")
        environment.room.mkdir(parents=True)
        quiet = ["--quiet", "--no-progress"]
        subprocess.run([UV, "venv", *quiet, "--python", interpreter(python), environment.place], check=True)
        wanted = f"common-compute{f'[{extras}]' if extras else ''} @ {wheel.as_uri()}"
        constraints = dependencies(extras, place / "constraints.txt")
        install = [UV, "pip", "install", *quiet, "--constraint", constraints, wanted]
        subprocess.run([*install, "--python", environment.python], check=True)
        return environment

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.place / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        """What its programs see: nothing of this checkout's environment."""
        return {"PATH": f"{self.place / 'bin'}:/usr/bin:/bin", "HOME": str(self.room), "LANG": "C.UTF-8"}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of its own to the end."""
        return subprocess.run(
            [self.place / "bin" / command[0], *command[1:]],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.room,
            env=self.variables,
            timeout=240,
        )

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program of its own, which ends with its standard input."""
        return subprocess.Popen(
            [self.place / "bin" / command[0], *command[1:], "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.room,
            env=self.variables,
        )

    def packages(self) -> set[str]:
        """Give the names of what is installed."""
        return set(self.run("python", "-c", _NAMES).stdout.split())

    def size(self) -> int:
        """Give the bytes of all that was installed."""
        return sum(
            (Path(folder) / name).lstat().st_size
            for folder, _, names in os.walk(self.place / "lib")
            for name in names
        )
