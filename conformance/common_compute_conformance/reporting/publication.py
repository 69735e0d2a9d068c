"""Write what a certification leaves for people and programs: the certificate, its page, its badge, JUnit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common_compute_conformance.certificate import Certificate
from common_compute_conformance.errors import WrongArgument
from common_compute_conformance.reporting.badge import badge
from common_compute_conformance.reporting.comparison import Column, comparison
from common_compute_conformance.reporting.junit import junit
from common_compute_conformance.reporting.page import page
from common_compute_conformance.reporting.verification import verify
from common_compute_conformance.seal import file_of

_FILE = "certificate.json"
_FEWEST = 2


def write(certificate: Certificate, folder: Path) -> Sequence[Path]:
    """Write certificate.json, junit.xml, report.html and badge.svg into a folder; return their paths.

    The folder is made if it is missing.
    """
    document = certificate.document()
    contents = {
        _FILE: file_of(document),
        "junit.xml": junit(certificate),
        "report.html": page(document),
        "badge.svg": badge(document),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def write_comparison(places: Sequence[Path], folder: Path) -> Path:
    """Write compare.html, which holds these certificates side by side, into a folder; return its path.

    A place is a certificate's file, or a folder of such files and of such folders as `write` makes.
    Raises WrongArgument for fewer than two, and for a file that cannot be read or is no whole and unedited
    certificate.
    """
    columns = [column for place in places for column in _columns(place)]
    if len(columns) < _FEWEST:
        raise WrongArgument(
            f"A comparison takes at least two certificates, and there is {len(columns) or 'none'} in "
            f"{', '.join(map(str, places))}: give files, or folders with NAME.json or NAME/{_FILE} in them."
        )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "compare.html"
    target.write_bytes(comparison(columns))
    return target


def _columns(place: Path) -> list[Column]:
    if not place.is_dir():
        return [Column(str(place), _read(place))]
    found = sorted([*place.glob("*.json"), *place.glob(f"*/{_FILE}")])
    return [Column(path.relative_to(place).as_posix(), _read(path)) for path in found]


def _read(path: Path) -> dict[str, object]:
    try:
        verification = verify(path.read_bytes())
    except OSError as error:
        raise WrongArgument(f"{path} cannot be read: {error.strerror}") from error
    if verification.document is None or not verification.whole:
        raise WrongArgument(f"{path} is refused: {verification.faults[0]}")
    return dict(verification.document)
