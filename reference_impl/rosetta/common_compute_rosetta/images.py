"""The images that parts need: asked for on their host, and pulled there in the background."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from common_compute_connector.jobs import Reason
from common_compute_connector.protocol import Deferred, Document, PartKey, Refused, Submission
from common_compute_connector.references import Reference
from common_compute_rosetta.calls import Argument, Call, Site, compose
from common_compute_rosetta.container_settings import ContainerSettings
from common_compute_rosetta.runtimes.box import Account, Image, Surrounds, read_variables
from common_compute_rosetta.runtimes.found import Runtime, Store, choose
from common_compute_rosetta.runtimes.start import Container
from common_compute_rosetta.staging import Fetched

TAG_HOLDS_SECONDS = 60
"""So long what a tag stood for is taken to be what it stands for."""

_DIRECTORIES = {
    Store.TREE: "tree",
    Store.FILE: "file",
    Store.PODMAN: "podman-images",
    Store.DOCKER: "docker-images",
}


@dataclass(frozen=True, slots=True)
class Request:
    """An image as a job names it, and how its host gets it: `source` is a repository or a URL."""

    runtime: Runtime
    image_format: str
    source: str = field(repr=False)
    tag: str
    digest: str | None

    @property
    def tool(self) -> str:
        """Name what gets it: an archive that becomes a directory is nothing for Charliecloud's own."""
        return self.runtime.puller if self.image_format == "oci" else self.runtime.unpacker

    @property
    def key(self) -> str:
        """Name the request, whatever signs are in it."""
        words = (self.runtime.store, self.tool, self.image_format, self.source, self.digest or self.tag)
        return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Provided:
    """What came of the images and files that a batch needs, and what is said of parts that lack any."""

    containers: Mapping[PartKey, Container]
    answers: Sequence[Refused | Deferred]
    fetched: Mapping[PartKey, Fetched] = field(default_factory=dict)

    def ready(self, batch: Sequence[Submission]) -> list[Submission]:
        """Give the submissions of a batch that lack nothing."""
        answered = {answer.key for answer in self.answers}
        return [submission for submission in batch if submission.part.key not in answered]


def request_of(
    software: Document, runtimes: Sequence[Runtime], settings: ContainerSettings
) -> Request | Reason:
    """Say what a job's software asks of its host, or why it never gets it."""
    archive = software.get("image_archive")
    image_format = archive["format"] if archive else "oci"
    runtime = choose(runtimes, image_format)
    if runtime is None:
        return Reason("image-unavailable", f"no runtime here takes images of the format {image_format}")
    if archive:
        if not str(archive["url"]).lower().startswith("https://"):
            return Reason("image-unavailable", "an archive is fetched over https and nothing else")
        return Request(runtime, image_format, archive["url"], "", f"sha256:{archive['sha256'].lower()}")
    reference = Reference.read(software["image"])
    if settings.registries is not None and reference.registry not in settings.registries:
        allowed = ", ".join(settings.registries)
        words = f"images come from {allowed or 'no registry'} here, and not from {reference.registry}"
        return Reason("image-unavailable", words)
    return Request(runtime, image_format, reference.repository, reference.tag, reference.digest)


def images_directory(settings: ContainerSettings, site: Site, account: Account, service_id: str) -> str:
    """Say where a host keeps an account's images: beside the jobs, or where all accounts' are."""
    if settings.images is None:
        return f"{site.base}/images"
    return f"{settings.images}/{account.name}/{service_id}"


class Images:
    """The images of one account on one host."""

    def __init__(
        self,
        settings: ContainerSettings,
        service_id: str,
        ask: Callable[[Call], Awaitable[Sequence[str]]],
    ) -> None:
        self._settings = settings
        self._service_id = service_id
        self._ask = ask

    async def provide(
        self, batch: Sequence[Submission], site: Site, account: Account | None, runtimes: Sequence[Runtime]
    ) -> Provided:
        """See to the images of a batch's parts, in one call.

        A part whose image is still being pulled is deferred: so it is handed over only once it can run.
        """
        wanted: dict[PartKey, Request] = {}
        answers: list[Refused | Deferred] = []
        for submission in batch:
            if submission.spec["software"]["kind"] != "container":
                continue
            request = request_of(submission.spec["software"], runtimes, self._settings)
            if isinstance(request, Reason):
                answers.append(Refused(submission.part.key, request))
            else:
                wanted[submission.part.key] = request
        if not wanted or account is None:
            return Provided({}, answers)
        place = images_directory(self._settings, site, account, self._service_id)
        requests = {request.key: request for request in wanted.values()}
        found = read_answers(await self._ask(self._call(site, place, account, requests.values())))
        containers = {}
        for key, request in wanted.items():
            answer = found.get(request.key, "nothing is known of the image yet")
            if isinstance(answer, Image):
                host = self._surrounds(request.runtime, account, place)
                containers[key] = Container(request.runtime, answer, host)
            elif isinstance(answer, Reason):
                answers.append(Refused(key, answer))
            else:
                answers.append(Deferred(key, answer))
        return Provided(containers, answers)

    def _call(self, site: Site, place: str, account: Account, requests: Iterable[Request]) -> Call:
        variables: dict[str, Argument] = {
            "IMAGES": place,
            "AUTHORITIES": self._settings.authorities,
            "KEEP_DAYS": self._settings.keep_days,
            "PULLER": puller_name(),
            "PULLER_TEXT": puller(),
        }
        lines = [self._line(request, account) for request in requests]
        return compose("images", site, variables=variables, lines=lines)

    def _line(self, request: Request, account: Account) -> list[Argument]:
        runtime = request.runtime
        return [
            *("image", request.key, _DIRECTORIES[runtime.store], request.digest or "-", TAG_HOLDS_SECONDS),
            *(request.tool, runtime.program, request.image_format, request.source, request.tag),
            *(self._settings.max_archive_bytes, " ".join(self._settings.archive_hosts), account.home),
        ]

    def _surrounds(self, runtime: Runtime, account: Account, place: str) -> Surrounds:
        authorities = f"{place}/trust/bundle.pem" if self._settings.authorities else ""
        return Surrounds(runtime.program, account, place, authorities, runtime.rootless)


def read_answers(lines: Sequence[str]) -> dict[str, Image | Reason | str]:
    """Read the answer of `sh/images.sh`: for each request an image, or why there is none, or none yet."""
    answers: dict[str, Image | Reason | str] = {}
    for line in lines:
        word, key, *rest = line.split("\t")
        if word == "ready":
            kept_as, digest, place, config = rest
            try:
                variables = read_variables(json.loads(config))
            except ValueError:
                variables = {}
            answers[key] = Image(digest, place, kept_as, None if place.endswith(".sif") else variables)
        elif word == "failed":
            answers[key] = Reason("image-unavailable", rest[0])
        else:
            answers[key] = "the image is being pulled"
    return answers


_PULLER = ("lines.sh", "processes.sh", "transfer.sh", "pull.sh")


@cache
def puller() -> bytes:
    """Give the puller's text."""
    folder = files("common_compute_rosetta").joinpath("sh")
    return b"\n".join(folder.joinpath(name).read_bytes() for name in _PULLER)


@cache
def puller_name() -> str:
    """Give the puller's file name: another text has another name, and both may be at work."""
    return f"puller.{hashlib.sha256(puller()).hexdigest()[:12]}"
