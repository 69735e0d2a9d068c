"""Images that lie unpacked in an area of the worker's, under the names by which jobs ask for them.

The layout is that of CernVM-FS's `cvmfs_ducc`, as in /cvmfs/unpacked.cern.ch: REGISTRY/REPOSITORY:TAG and
REGISTRY/REPOSITORY:DIGEST are links to a directory with the image's files, or to a file of Apptainer's. What
a name leads to is believed: who keeps the area has looked.
"""

from __future__ import annotations

import os
import re
from typing import Any

from common_compute_dirac.payload.image_tree import ImageTree
from common_compute_dirac.payload.processes import Stopped
from common_compute_dirac.payload.results import read_regular

_DIGEST = re.compile(r"[:@]((?:[a-z0-9]+[+._-])*[a-z0-9]+:[0-9a-f]{32,128})")
_SETS = re.compile(rb'export ([A-Za-z_][A-Za-z0-9_]*)="(?:\$\{\1:-")?((?:[^"\\]|\\.)*)(?:"\})?"', re.DOTALL)
_ESCAPED = re.compile(rb"\\([$`\"\\\n])")
_MOST_OF_VARIABLES = 1 << 20
ENVIRONMENTS = (b"/ch/environment", b"/.singularity.d/env/10-docker2singularity.sh")
"""Where the makers of such trees write down the variables of the image: Charliecloud's, and Apptainer's."""


def find_image(wanted: dict[str, Any]) -> tuple[bytes, str]:
    """Give where the image is that is wanted, and its digest, empty where nothing tells.

    Raises:
        Stopped: the area does not have it, or is not there.
    """
    area = os.path.realpath(os.fsencode(wanted["area"]))
    for name in wanted["names"]:
        link = os.path.join(area, name.encode("utf-8"))
        place = os.path.realpath(link)
        if os.path.exists(place) and place.startswith(area + b"/"):
            return place, wanted["digest"] or _digest_of(link, place)
    if not os.path.isdir(area):
        raise Stopped("image", f"{wanted['area']} is not there on this worker")
    raise Stopped("image", f"{wanted['reference']} is not among the images in {wanted['area']}")


def _digest_of(link: bytes, place: bytes) -> str:
    """Find, of an image named by its tag, the name with a digest that leads to the same place."""
    directory, name = os.path.split(link)
    repository = name.decode("utf-8").partition(":")[0]
    for other in sorted(os.listdir(directory)):
        text = os.fsdecode(other)
        found = _DIGEST.fullmatch(text[len(repository) :]) if text.startswith(repository) else None
        if found and os.path.realpath(os.path.join(directory, other)) == place:
            return found.group(1)
    return ""


def variables_of(tree: ImageTree) -> dict[bytes, bytes]:
    """Read an image's own variables from what its maker has written into its tree."""
    for path in ENVIRONMENTS:
        place = tree.outside(path)
        content = read_regular(place, _MOST_OF_VARIABLES) if place is not None else None
        if content is not None:
            return _from_list(content) if path == ENVIRONMENTS[0] else _from_shell(content)
    return {}


def _from_list(content: bytes) -> dict[bytes, bytes]:
    pairs = (line.partition(b"=") for line in content.split(b"\n"))
    return {name: value for name, equals, value in pairs if name and equals and b"\0" not in name + value}


def _from_shell(content: bytes) -> dict[bytes, bytes]:
    """Read lines as they are written there, which set a variable each; nothing of them is executed."""
    found = {}
    for name, value in _SETS.findall(content):
        if b"\0" not in value:
            found[name] = _ESCAPED.sub(lambda sign: b"" if sign.group(1) == b"\n" else sign.group(1), value)
    return found
