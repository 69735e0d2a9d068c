"""Move files between a worker and the grid's storage with DIRAC's own client, which the worker has.

    PYTHON cc-payload.pyz files ASKED ANSWERED     PYTHON has DIRAC; both are JSON

ASKED is a list of what is to be moved; ANSWERED becomes as long a list, and grows with each file: nothing in
an entry is good news, `words` say why a file was not moved. Exit code 69 tells that there is no DIRAC.

Of this package the only module that imports DIRAC.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

NO_DIRAC = 69
_TRIES, _PAUSE_SECONDS, _MOST_WORDS = 3, 2, 300
_FOR_GOOD = ("no such file", "not permitted", "permission denied", "not allowed", "no replicas")
"""What is in DIRAC's words where one more try would hear the same."""


class NotMoved(Exception):
    """A file was not moved; `lasting` where that will stay so."""

    def __init__(self, words: object, *, lasting: bool = False) -> None:
        self.words = " ".join(str(words).split())[:_MOST_WORDS]
        super().__init__(self.words)
        self.lasting = lasting or any(each in self.words.lower() for each in _FOR_GOOD)


class GridFiles:
    """The files of the grid, as the user of the job's proxy sees them."""

    def __init__(self) -> None:
        from DIRAC.DataManagementSystem.Client.DataManager import DataManager

        self._manager = DataManager()

    def get(self, request: dict[str, Any]) -> None:
        """Fetch a file, which DIRAC compares with the catalogue's length and checksum."""
        name = request["lfn"]
        size = self._metadata(name)["Size"]
        if size > request["most"]:
            raise NotMoved(f"it has {size} bytes, and {request['most']} are allowed", lasting=True)
        _single(self._manager.getFile(name, destinationDir=request["directory"]), name)

    def put(self, request: dict[str, Any]) -> None:
        """Store a file and register it; one that is there already is never replaced."""
        name = request["lfn"]
        if self._is_there(request):
            return
        told = self._manager.putAndRegister(
            name, request["file"], request["storage_element"], guid=_guid(), checksum=request["adler32"]
        )
        failed = _value(told).get("Failed", {}).get(name)
        if failed is not None:
            file = failed.get("register") if isinstance(failed, dict) else None
            if file is None:
                raise NotMoved(failed)
            members = ("LFN", "PFN", "Size", "TargetSE", "GUID", "Adler")
            _single(self._manager.registerFile(tuple(file[member] for member in members)), name)
        _single(told, name)
        self._compare(request)

    def _metadata(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = _single(self._manager.fileCatalog.getFileMetadata(name), name)
        return found

    def _is_there(self, request: dict[str, Any]) -> bool:
        """Tell whether the very file is there, as after an attempt that was cut off."""
        try:
            found = self._metadata(request["lfn"])
        except NotMoved as none:
            if "no such file" in none.words.lower():
                return False
            raise
        if found["Size"] != request["size"] or not _same(found.get("Checksum"), request["adler32"]):
            raise NotMoved("another file of this name is there, and none is replaced", lasting=True)
        self._compare(request)
        return True

    def _compare(self, request: dict[str, Any]) -> None:
        """See that the storage has the bytes, by its own word."""
        from DIRAC.Resources.Storage.StorageElement import StorageElement

        found = _single(
            StorageElement(request["storage_element"]).getFileMetadata(request["lfn"]), request["lfn"]
        )
        checksum = found.get("Checksum")
        if found["Size"] != request["size"] or (checksum and not _same(checksum, request["adler32"])):
            raise NotMoved("the storage element has other bytes")


def _guid() -> str:
    from DIRAC.Core.Utilities.File import makeGuid

    return str(makeGuid())


def _same(one: object, other: str) -> bool:
    from DIRAC.Core.Utilities.Adler import compareAdler

    return bool(one) and bool(compareAdler(str(one), other))


def _value(answer: dict[str, Any]) -> Any:
    if not answer["OK"]:
        raise NotMoved(answer["Message"])
    return answer["Value"]


def _single(answer: dict[str, Any], name: str) -> Any:
    """Give what one of DIRAC's answers about many says of one."""
    told = _value(answer)
    if name in told.get("Failed", {}):
        raise NotMoved(told["Failed"][name])
    if name not in told.get("Successful", {}):
        raise NotMoved("DIRAC says nothing of it")
    return told["Successful"][name]


def _moved(files: GridFiles, request: dict[str, Any]) -> dict[str, str]:
    for left in reversed(range(_TRIES)):
        try:
            getattr(files, request["way"])(request)
        except NotMoved as failed:
            if failed.lasting or not left:
                return {"words": failed.words}
            time.sleep(_PAUSE_SECONDS)
        else:
            break
    return {}


def main(asked: str, answered: str) -> None:
    """Move what is asked for, one after the other."""
    try:
        import DIRAC
    except ImportError:
        sys.exit(NO_DIRAC)
    DIRAC.initialize()
    with open(asked, encoding="ascii") as file:
        requests = json.load(file)
    files, answers = GridFiles(), []
    for request in requests:
        answers.append(_moved(files, request))
        with open(answered + ".new", "w", encoding="ascii") as file:
            json.dump(answers, file)
        os.replace(answered + ".new", answered)
