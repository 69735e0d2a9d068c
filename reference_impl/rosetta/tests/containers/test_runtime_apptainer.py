"""Apptainer cannot run here: a stand-in that takes its words as its documentation has them writes them down."""

import hashlib
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from common_compute_connector.jobs import State

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(300)]

APPTAINER = """\
#!/usr/bin/python3 -I
import json, os, sys
words = sys.argv[1:]
with open(os.path.dirname(sys.argv[0]) + "/calls", "a") as log:
    log.write(json.dumps([words, os.environ.get("SSL_CERT_FILE")]) + "\\n")
if words == ["--version"]:
    sys.exit(print("apptainer version 1.3.6-1.el9"))
if words[0] in ("pull", "build"):
    if "none" in words[2]:
        sys.exit("FATAL:   While making image from oci registry: manifest unknown")
    open(words[1], "w").write("sif")
    sys.exit()
assert words.pop(0) == "exec"
options = {}
while words[0].startswith("--"):
    name, _, value = words.pop(0).partition("=")
    options[name] = value
image = words.pop(0)
assert open(image).read() == "sif"
variables = {"PATH": "/usr/bin:/bin", "HOME": options["--home"].partition(":")[2], "FROM": "image"}
for name, value in os.environ.items():
    if name.startswith("APPTAINERENV_"):
        variables[name.removeprefix("APPTAINERENV_")] = value
os.chdir(options["--home"].partition(":")[0])
try:
    os.execvpe(words[0], words, variables)
except OSError:
    sys.exit(255)
"""

MANIFEST = json.dumps({"schemaVersion": 2}).encode()


class Registry(http.server.BaseHTTPRequestHandler):
    """A registry that gives a manifest to those who have fetched a token."""

    def do_GET(self) -> None:
        here = f"https://{self.headers['Host']}"
        asked = [("service", "a registry"), ("scope", "repository:a/b:pull")]
        if self.path.startswith("/token?") and parse_qsl(self.path.partition("?")[2]) == asked:
            self.answer(200, json.dumps({"expires_in": 60, "token": "t0k.en"}).encode())
        elif self.path != "/v2/a/b/manifests/1":
            self.answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
        elif self.headers["Authorization"] != "Bearer t0k.en":
            challenge = f'Bearer realm="{here}/token",service="a registry",scope="repository:a/b:pull"'
            self.answer(401, b"{}", challenge)
        else:
            assert "application/vnd.oci.image.index.v1+json" in self.headers["Accept"]
            self.answer(200, MANIFEST)

    def answer(self, status: int, body: bytes, challenge: str | None = None) -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry(slurm_facility) -> Iterator[str]:
    """Give the address of such a registry."""
    tls = Path(slurm_facility["registry"]["ca"]).parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "registry.crt", tls / "registry.key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def calls(house) -> list[list]:
    """Give what the stand-in was told, but for its version."""
    lines = (house.outside / "bin" / "calls").read_text().splitlines()
    return [words for words, _ in map(json.loads, lines) if words != ["--version"]]


@pytest.fixture
def house(make_house):
    """Give a host with the stand-in."""
    house = make_house(runtimes=["apptainer"])
    house.install("apptainer", APPTAINER)
    return house


async def test_an_image_of_a_registry(house):
    """The image is pulled once, by its digest, into a file; the command runs in it with its variables."""
    odd = {"A": "1,2 $(id)\n'", "HOME": "/my/home", "LD_LIBRARY_PATH": "/l"}
    script = 'printf "%s|" "$A" "$HOME" "$LD_LIBRARY_PATH" "$FROM" "$CC_TASK_INDEX"; exit 3'
    run = await house.run("sh", "-c", script, image="odd", environment=odd)
    assert (b"1,2 $(id)\n'|/my/home|/l|image|0|", 3) == (run.stdout, run.task.exit_code)
    pull, execute = calls(house)
    digest = house.images["odd"].partition("@")[2]
    assert ("pull", f"docker://{house.images['odd']}") == (pull[0], pull[2])
    place = f"{house.there}/facility/test-service/images/file/{digest.replace(':', '-')}/image.sif"
    task = str(house.task_directory(run)).replace(str(house.outside), house.there)
    assert [
        *("exec", "--no-eval", "--contain", "--no-umask", f"--home={task}/work:/cc/work", "--pwd=/cc/work"),
        *(f"--bind={task}/tmp:/tmp", place, "/usr/bin/env", "HOME=/my/home", "LD_LIBRARY_PATH=/l"),
        *("sh", "-c", script),
    ] == execute
    assert digest == run.task.resolved.image_digest


async def test_how_commands_end(house):
    """A missing command is asked for once more in the image; a death by signal is seen as it was."""
    missing = await house.run("nope")
    assert (State.FAILED, "command-not-found", 127) == (
        missing.task.state,
        missing.task.reason.code,
        missing.task.exit_code,
    )
    own = await house.run("sh", "-c", "exit 255")
    assert ("exit-nonzero", 255) == (own.task.reason.code, own.task.exit_code)


async def test_archives(house, archives, served):
    """A file in apptainer's own format is taken as it is, others are built into one."""
    directory, address = served
    (directory / "image.sif").write_text("sif")
    sif = {"url": f"{address}/image.sif", "sha256": hashlib.sha256(b"sif").hexdigest(), "format": "sif"}
    for archive in (sif, *archives.values()):
        run = await house.run("true", image={"image_archive": archive})
        assert (State.SUCCEEDED, f"sha256:{archive['sha256']}") == (
            run.task.state,
            run.task.resolved.image_digest,
        )
    built = [words[2].partition(":")[0] for words in calls(house) if words[0] == "build"]
    assert ["docker-archive", "oci-archive"] == built


async def test_what_a_registry_says(house):
    """The words of a pull that fails are told, without what apptainer prints in front of them."""
    image = f"{house.facility['registry']['address']}/tests/none@sha256:{'0' * 64}"
    assert (
        "image-unavailable",
        "While making image from oci registry: manifest unknown",
    ) == await house.refusal(image)


async def test_a_tag_is_asked_for_with_a_token(house, registry):
    """Without skopeo a registry is asked by its own API, with a token if it wants one; its digest is what runs."""
    await house.hide("skopeo")
    run = await house.run("true", image=f"{registry}/a/b:1")
    digest = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
    assert digest == run.task.resolved.image_digest
    assert f"docker://{registry}/a/b@{digest}" == calls(house)[0][2]
    code, detail = await house.refusal(f"{registry}/a/b:2")
    assert ("image-unavailable", True) == (code, "404" in detail and registry in detail)


async def test_charliecloud_alone(make_house):
    """With no other tool for images than its own, charliecloud's are checked against their digests all the same."""
    house = make_house(runtimes=["charliecloud"])
    await house.hide("skopeo")
    run = await house.run("sh", "-c", "echo $WHO", image="odd")
    assert (b"image\n", house.images["odd"].partition("@")[2]) == (run.stdout, run.task.resolved.image_digest)
    by_tag = await house.run("true", image=house.images["busybox"].partition("@")[0])
    assert house.images["busybox"].partition("@")[2] == by_tag.task.resolved.image_digest
    code, _ = await house.refusal(f"{house.images['busybox'].partition('@')[0]}@sha256:{'0' * 64}")
    assert "image-unavailable" == code
