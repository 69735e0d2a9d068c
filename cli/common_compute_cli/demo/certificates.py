"""Certify several servers side by side, each by a child of this program."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common_compute_cli import pace
from common_compute_cli.demo.servers import Running, program
from common_compute_cli.interrupts import uninterrupted

PATIENCE_SECONDS = 300.0
_STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Certified:
    """What a certification found: the certificate's members, None if it did not come to one."""

    server: str
    directory: Path
    exit_code: int
    certificate: dict[str, Any] | None
    words: str

    @property
    def counts(self) -> str:
        """Tell the verdict and the number of each outcome, or why there is no certificate."""
        if self.certificate is None:
            return f"no certificate: {self.words}"
        outcomes: Counter[str] = Counter()
        for entry in self.certificate["classes"].values():
            outcomes.update(entry["outcomes"])
        told = ", ".join(f"{count} {name}" for name, count in outcomes.items() if count)
        return f"{self.certificate['verdict']} ({told})"

    @property
    def classes(self) -> str:
        """Name the classes that the certificate is for."""
        return ", ".join(self.certificate["certified_classes"]) if self.certificate else ""


def certify(
    servers: Sequence[Running], directory: Path, on_end: Callable[[Certified], None]
) -> list[Certified]:
    """Certify servers, each into a directory of its name, and call `on_end` as each ends."""
    children = {server.name: _start(server, directory / server.name) for server in servers}
    ended: list[Certified] = []
    try:
        deadline = pace.now() + PATIENCE_SECONDS
        while children and pace.now() < deadline:
            pace.sleep(0.2)
            for name in [name for name, child in children.items() if child.poll() is not None]:
                ended.append(_read(name, directory / name, children.pop(name).returncode))
                on_end(ended[-1])
        for name in list(children):
            _stop(children.pop(name))
            ended.append(
                Certified(name, directory / name, 1, None, f"not done in {PATIENCE_SECONDS:g} seconds")
            )
            on_end(ended[-1])
    finally:
        with uninterrupted():
            for child in children.values():
                _stop(child)
    return ended


def _start(server: Running, directory: Path) -> subprocess.Popen[bytes]:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "certificate.json").unlink(missing_ok=True)
    with (directory / "report.txt").open("wb") as report, (directory / "errors.txt").open("wb") as errors:
        return subprocess.Popen(
            program("certify", server.url, "--out", str(directory)),
            stdin=subprocess.DEVNULL,
            stdout=report,
            stderr=errors,
            start_new_session=True,
        )


def _read(name: str, directory: Path, exit_code: int) -> Certified:
    try:
        certificate = json.loads((directory / "certificate.json").read_text(encoding="utf-8"))
        return Certified(name, directory, exit_code, certificate, "")
    except (OSError, ValueError):
        words = (directory / "errors.txt").read_text(encoding="utf-8", errors="replace").strip()
        return Certified(name, directory, exit_code or 1, None, words)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Interrupt a certification, which then removes its jobs from the server."""
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
