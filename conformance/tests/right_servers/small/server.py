"""A whole service of the Common Compute API in a few hundred lines: one slow machine, and nothing but Python.

Written from the contract alone, it shows what an implementation takes that offers no more than the classes core, access
and software, and it is what the kit has to certify without having met it. Start it with

    python server.py --port 0 --token alice=SECRET --token bob=ANOTHER

It prints a line of JSON with its `url` once it can be used, and on SIGTERM it kills what it runs and removes all that
it kept.
"""

import argparse
import json
import logging
import pathlib
import secrets
import shutil
import signal
import socketserver
import tempfile
import threading

import facility
from callers import Callers, pair, pairs_of
from observation import Observation
from problems import Problem
from rate import Rate
from routes import BASE, Routes
from store import Store
from wire import Answer, Request, Unreadable, read_request, write_answer
from workbench import Workbench


class Listener(socketserver.ThreadingTCPServer):
    """Takes connections, a thread for each."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, routes: Routes) -> None:
        self.routes = routes
        super().__init__(("127.0.0.1", port), Connection)


class Connection(socketserver.StreamRequestHandler):
    """Serves the one request of a connection."""

    server: Listener
    timeout = 30
    disable_nagle_algorithm = True
    wbufsize = 65536

    def handle(self) -> None:
        """Read the request and answer it, whatever it is."""
        request_id = secrets.token_hex(8)
        request = None
        try:
            request = read_request(self.rfile, self.wfile, facility.MAX_REQUEST_BYTES)
            if request is None:
                return
            answer = self._answer(request, request_id)
        except Unreadable as error:
            answer = refusal(Problem("malformed-request", f"This is no request: {error}."), "/", request_id)
        except OSError:
            return
        answer.headers["x-request-id"] = request_id
        try:
            write_answer(self.wfile, answer, without_body=request is not None and request.method == "HEAD")
        except OSError:
            return

    def _answer(self, request: Request, request_id: str) -> Answer:
        try:
            return self.server.routes.answer(request)
        except Problem as problem:
            return refusal(problem, request.target, request_id)
        except Exception:
            logging.exception("The request %s met a fault of the service.", request_id)
            own = Problem("internal", "The service met a fault of its own: tell its operator the request id.")
            return refusal(own, request.target, request_id)


def refusal(problem: Problem, target: str, request_id: str) -> Answer:
    """Make the answer of a problem."""
    headers = {"content-type": "application/problem+json; charset=utf-8", **problem.headers}
    return Answer(problem.status, headers, problem.document(target, request_id))


def heed_signals(stop: threading.Event) -> None:
    """End at SIGTERM and SIGINT, and let jobs die by signals that whoever started the service ignores."""
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(description="A small service of the Common Compute API.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", type=pair, action="append", default=[], metavar="NAME=TOKEN")
    parser.add_argument("--token-file", type=pairs_of, default=[], metavar="FILE", help="NAME=TOKEN lines")
    parser.add_argument("--requests-per-second", type=int, default=None, metavar="N", help="of one caller")
    options = parser.parse_args()
    tokens = dict([*options.token_file, *options.token])
    if not tokens:
        parser.error("nobody could call: give at least one --token NAME=TOKEN")
    stop = threading.Event()
    heed_signals(stop)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="workbench-"))
    store, workbench = Store(directory), Workbench()
    observation = Observation(store, workbench)
    with Listener(
        options.port, Routes(Callers(tokens), store, Rate(options.requests_per_second))
    ) as listener:
        threads = [workbench, observation, threading.Thread(target=listener.serve_forever, name="listener")]
        for thread in threads:
            thread.start()
        print(json.dumps({"url": f"http://127.0.0.1:{listener.server_address[1]}/{BASE}"}), flush=True)
        stop.wait()
        listener.shutdown()
        observation.close()
        workbench.close()
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
