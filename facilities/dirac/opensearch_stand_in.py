"""Stand in for OpenSearch, where DIRAC 9 keeps its jobs' parameters: a few dictionaries, and no search.

    opensearch_stand_in.py PORT         listens at 127.0.0.1 only

It knows the calls that DIRAC's JobParametersDB makes, and nothing else: what it does not know is answered
with 400 and written to the standard error. What it was told is forgotten when it ends.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Answer = tuple[int, dict[str, Any]]
Documents = dict[str, dict[str, Any]]

INDEX_METHODS = {"HEAD", "PUT", "DELETE", "GET"}
REMOVAL = re.compile(r"ctx\._source\.remove\('(.*?)'\)")
WRITTEN = {
    "_version": 1,
    "_seq_no": 1,
    "_primary_term": 1,
    "_shards": {"total": 1, "successful": 1, "failed": 0},
}


class Shelf:
    """Documents by index and id, and the answers about them."""

    def __init__(self):
        self._indices: dict[str, Documents] = {}
        self._one_at_a_time = threading.Lock()

    def answer(self, method: str, path: list[str], body: dict[str, Any]) -> Answer:
        """Give the status and the body with which OpenSearch would answer."""
        with self._one_at_a_time:
            match path:
                case []:
                    version = {"number": "2.11.1", "distribution": "opensearch"}
                    return 200, {"name": "stand-in", "cluster_name": "stand-in", "version": version}
                case ["_index_template" | "_template" | "_cluster", *_]:
                    return 200, {"acknowledged": True, "status": "green"}
                case ["_mget"]:
                    return 200, {
                        "docs": [self._found(each["_index"], str(each["_id"])) for each in body["docs"]]
                    }
                case [index] if method in INDEX_METHODS:
                    return self._index(method, index)
                case [index, "_update", key] if method == "POST":
                    return self._update(index, key, body)
                case [index, "_doc" | "_create", key]:
                    return self._document(method, index, key, body)
        return 400, {
            "error": {"type": "unknown", "reason": "the stand-in does not know this call"},
            "status": 400,
        }

    def _index(self, method: str, index: str) -> Answer:
        if method == "PUT":
            if index in self._indices:
                reason = {"type": "resource_already_exists_exception", "reason": "exists"}
                return 400, {"error": reason, "status": 400}
            self._indices[index] = {}
        elif index not in self._indices:
            return 404, {"error": {"type": "index_not_found_exception", "reason": index}, "status": 404}
        elif method == "DELETE":
            del self._indices[index]
        else:
            return 200, {index: {}}
        return 200, {"acknowledged": True, "index": index}

    def _found(self, index: str, key: str) -> dict[str, Any]:
        document = self._indices.get(index, {}).get(key)
        found = {} if document is None else {"_source": document}
        return {"_index": index, "_id": key, "found": document is not None, **found}

    def _document(self, method: str, index: str, key: str, body: dict[str, Any]) -> Answer:
        about = {"_index": index, "_id": key, **WRITTEN}
        if method in {"HEAD", "GET"}:
            found = self._found(index, key)
            return (200 if found["found"] else 404), {**about, **found}
        if method == "DELETE":
            gone = self._indices.get(index, {}).pop(key, None)
            return (
                (404, {**about, "result": "not_found"})
                if gone is None
                else (200, {**about, "result": "deleted"})
            )
        self._indices.setdefault(index, {})[key] = body
        return 201, {**about, "result": "created"}

    def _update(self, index: str, key: str, body: dict[str, Any]) -> Answer:
        documents = self._indices.setdefault(index, {})
        if key not in documents and not body.get("doc_as_upsert"):
            return 404, {"error": {"type": "document_missing_exception", "reason": key}, "status": 404}
        document = documents.setdefault(key, {})
        document.update(body.get("doc", {}))
        script = body.get("script") or ""
        for name in REMOVAL.findall(script["source"] if isinstance(script, dict) else script):
            document.pop(name, None)
        return 200, {"_index": index, "_id": key, **WRITTEN, "result": "updated"}


class Conversation(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    shelf = Shelf()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is Python's
        """Stay silent: only what is not known is told."""

    def _converse(self) -> None:
        told = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = [unquote(part) for part in urlsplit(self.path).path.split("/") if part]
        status, answer = self.shelf.answer(self.command, path, json.loads(told) if told else {})
        if status == 400 and answer["error"]["type"] == "unknown":
            sys.stderr.write(f"{self.command} {self.path} is not known\n")
        body = b"" if self.command == "HEAD" else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _converse  # noqa: N815 - the names are Python's


def main() -> None:
    """Serve until the process is ended."""
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Conversation).serve_forever()


if __name__ == "__main__":
    main()
