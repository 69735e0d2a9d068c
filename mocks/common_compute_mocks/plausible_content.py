"""The bytes of a made-up file: few, of the kind that its name promises, and readable as that."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from common_compute_mocks.chance import Draw

_COUNT = 8
_FITS_BLOCK = 2880
_WIDTH, _HEIGHT = 320, 200

# A superblock of version 3 and a root group without members (HDF5 File Format Specification 3.0).
_HDF5_FILE = (
    *("894844460d0a1a0a", "03080800", 8 * "00", 8 * "ff", "b300000000000000", "3000000000000000", "9555568b"),
    *("4f484452", "020078", "021200000000", 16 * "ff", "0a02000100000058", 90 * "00", "c5b9c8ac"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a file is about: its path, the words that say where it comes from, and numbers to put into it."""

    path: str
    origin: str
    numbers: tuple[float, ...]


def plausible_content(path: str, origin: str, draw: Draw) -> bytes:
    """Make the bytes of a file; a kind that nobody knows here is a line of text."""
    inner, _, suffix = path.rpartition(".")
    if suffix.lower() == "gz" and inner:
        return gzip.compress(plausible_content(inner, origin, draw), mtime=0)
    subject = Subject(path, origin, tuple(round(draw(path, place), 4) for place in range(_COUNT)))
    return _KINDS.get(suffix.lower(), _text)(subject)


def _text(subject: Subject) -> bytes:
    return f"{subject.path} of {subject.origin}\n".encode()


def _json(subject: Subject) -> bytes:
    return json.dumps({"command": subject.origin, "values": subject.numbers}).encode() + b"\n"


def _table(separator: str) -> Callable[[Subject], bytes]:
    def write(subject: Subject) -> bytes:
        rows = [("index", "value"), *((str(place), str(n)) for place, n in enumerate(subject.numbers))]
        return "".join(separator.join(row) + "\n" for row in rows).encode()

    return write


def _svg(subject: Subject) -> bytes:
    points = " ".join(
        f"{place * 40 + 20},{round(180 - n * 160, 1)}" for place, n in enumerate(subject.numbers)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">'
        f"<title>{escape(_sound(subject.origin))}</title>"
        f'<polyline points="{points}" fill="none" stroke="#205080" stroke-width="2"/></svg>\n'
    ).encode()


def _png(subject: Subject) -> bytes:
    """Write a bar for each number, in shades of grey."""
    width = _WIDTH // _COUNT
    rows = (
        b"\0" + b"".join((b"\x30" if n * _HEIGHT > height else b"\xf0") * width for n in subject.numbers)
        for height in range(_HEIGHT, 0, -1)
    )
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0)
    text = b"Comment\0" + subject.origin.encode("latin-1", "replace").replace(b"\0", b"?")
    chunks = [(b"IHDR", header), (b"tEXt", text), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _fits(subject: Subject) -> bytes:
    """Write the numbers as an image of one row (FITS 4.0, sections 3 and 4)."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in subject.origin)
    cards = [
        f"SIMPLE  = {'T':>20}",
        f"BITPIX  = {-64:>20}",
        f"NAXIS   = {1:>20}",
        f"NAXIS1  = {_COUNT:>20}",
        *(f"HISTORY {plain[at : at + 72]}" for at in range(0, len(plain), 72)),
        "END",
    ]
    header = "".join(f"{card:<80}" for card in cards).encode("ascii")
    return _padded(header, b" ") + _padded(struct.pack(">8d", *subject.numbers), b"\0")


def _padded(data: bytes, filler: bytes) -> bytes:
    return data + filler * (-len(data) % _FITS_BLOCK)


def _hdf5(subject: Subject) -> bytes:
    """Write a file without members; what follows its end is not read."""
    return bytes.fromhex("".join(_HDF5_FILE)) + _text(subject)


def _npy(subject: Subject) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({_COUNT},), }}".ljust(117) + "\n"
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header.encode()
        + struct.pack("<8d", *subject.numbers)
    )


def _votable(subject: Subject) -> bytes:
    rows = "".join(f"<TR><TD>{place}</TD><TD>{n}</TD></TR>\n" for place, n in enumerate(subject.numbers))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        f"<RESOURCE><DESCRIPTION>{escape(_sound(subject.origin))}</DESCRIPTION><TABLE>\n"
        '<FIELD name="index" datatype="int"/><FIELD name="value" datatype="double"/>\n'
        f"<DATA><TABLEDATA>\n{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>\n"
    ).encode()


def _html(subject: Subject) -> bytes:
    title = escape(_sound(subject.origin))
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>{title}</title>\n<h1>{title}</h1>\n'.encode()


def _sound(text: str) -> str:
    """Take out the characters that XML does not have."""
    return "".join(char if char >= " " or char in "\t\n" else "?" for char in text)


_KINDS: Mapping[str, Callable[[Subject], bytes]] = {
    "csv": _table(","),
    "fit": _fits,
    "fits": _fits,
    "fts": _fits,
    "h5": _hdf5,
    "hdf5": _hdf5,
    "htm": _html,
    "html": _html,
    "json": _json,
    "npy": _npy,
    "png": _png,
    "svg": _svg,
    "tsv": _table("\t"),
    "vot": _votable,
    "votable": _votable,
    "xml": _votable,
}
