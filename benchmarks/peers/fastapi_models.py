"""The contract's job specification and job as pydantic models, with the patterns of the contract itself."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_SCHEMAS = yaml.load(
    Path(__file__).parents[2].joinpath("spec", "openapi.yaml").read_bytes(),
    getattr(yaml, "CSafeLoader", yaml.SafeLoader),
)["components"]["schemas"]


def _text(schema: str) -> StringConstraints:
    found = _SCHEMAS[schema]
    return StringConstraints(
        pattern=found["pattern"], min_length=found.get("minLength"), max_length=found.get("maxLength")
    )


NoNul = Annotated[str, StringConstraints(pattern="^[^\\x00]*$")]
ShortText = Annotated[str, _text("ShortText")]
Identifier = Annotated[str, _text("Identifier")]
RelativePath = Annotated[str, _text("RelativePath")]
Url = Annotated[str, _text("Url")]
Sha256 = Annotated[str, _text("Sha256")]
JobIdentifier = Annotated[str, _text("JobIdentifier")]
ImageReference = Annotated[str, _text("ImageReference")]
Base64 = Annotated[
    str, StringConstraints(pattern=_SCHEMAS["InlineSource"]["properties"]["content_base64"]["pattern"])
]
Variable = Annotated[str, StringConstraints(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
LabelKey = Annotated[str, StringConstraints(pattern=_SCHEMAS["Labels"]["x-key-pattern"])]
LabelValue = Annotated[
    str, StringConstraints(pattern=_SCHEMAS["Labels"]["additionalProperties"]["pattern"], max_length=255)
]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=64)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Positive = Annotated[int, Field(ge=1, le=2**53 - 1)]


class Closed(BaseModel):
    """An object of a request: unknown members are faults."""

    model_config = ConfigDict(extra="forbid")


class ImageArchive(Closed):
    """A container kept in an archive."""

    url: Url
    sha256: Sha256
    format: Literal["sif", "docker-archive", "oci-archive"]


class ContainerSoftware(Closed):
    """A container."""

    kind: Literal["container"]
    image: ImageReference | None = None
    image_archive: ImageArchive | None = None


class InstalledSoftware(Closed):
    """Software that the facility has."""

    kind: Literal["installed"]
    name: ShortText
    version: ShortText | None = None


class InlineSource(Closed):
    """Bytes that come with the specification."""

    kind: Literal["inline"]
    content_base64: Base64


class UrlSource(Closed):
    """Bytes that the facility fetches."""

    kind: Literal["url"]
    url: Url
    sha256: Sha256 | None = None


class StorageSource(Closed):
    """Bytes that the facility has."""

    kind: Literal["storage"]
    storage: ShortText
    path: RelativePath


class Input(Closed):
    """A file that goes in."""

    path: RelativePath
    executable: bool | None = None
    source: Annotated[InlineSource | UrlSource | StorageSource, Field(discriminator="kind")]


class Destination(Closed):
    """Where a result is sent."""

    url: Url


class Output(Closed):
    """A glob of files that come out."""

    path: RelativePath
    required: bool | None = None
    destination: Destination | None = None


class Resources(Closed):
    """What a job needs."""

    cpu_cores: Count | None = None
    memory_bytes: Count | None = None
    wall_time_seconds: Count | None = None
    gpus: Count | None = None
    architecture: ShortText | None = None
    queue: ShortText | None = None
    site: ShortText | None = None


class Array(Closed):
    """Many tasks."""

    count: Positive | None = None
    parameters: Annotated[list[dict[Variable, NoNul]], Field(min_length=1)] | None = None


class JobSpec(Closed):
    """A job specification."""

    name: ShortText | None = None
    facility_id: Identifier
    software: Annotated[ContainerSoftware | InstalledSoftware, Field(discriminator="kind")]
    command: Annotated[list[NoNul], Field(min_length=1)]
    environment: dict[Variable, NoNul] | None = None
    inputs: list[Input] | None = None
    outputs: list[Output] | None = None
    resources: Resources | None = None
    array: Array | None = None
    project: ShortText | None = None
    labels: Labels | None = None
    metadata: dict[str, Any] | None = None
    backend_parameters: dict[str, Any] | None = None


class State(StrEnum):
    """Where a job is."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Reason(BaseModel):
    """Why a job ended so."""

    code: Annotated[str, _text("ReasonCode")]
    detail: str | None = None


class HistoryEntry(BaseModel):
    """A change of state."""

    state: State
    at: datetime
    attempt: Positive
    reason: Reason | None = None


class Native(BaseModel):
    """The facility's own words."""

    id: str | None = None
    state: str | None = None
    detail: str | None = None


class Resolved(BaseModel):
    """What the job ran on."""

    image_digest: str | None = None
    software_version: str | None = None
    site: str | None = None
    host: str | None = None


class Job(BaseModel):
    """A job."""

    id: JobIdentifier
    name: ShortText | None = None
    facility_id: Identifier
    owner: Annotated[str, Field(min_length=1)]
    labels: Labels | None = None
    state: State
    reason: Reason | None = None
    attempt: Positive
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    observed_at: datetime | None = None
    stale: bool
    exit_code: Annotated[int, Field(ge=0, le=255)] | None = None
    signal: Annotated[int, Field(ge=1, le=127)] | None = None
    task_counts: dict[str, Count] | None = None
    native: Native | None = None
    resolved: Resolved | None = None
    expires_at: datetime | None = None
    history: Annotated[list[HistoryEntry], Field(min_length=1)]
    spec: JobSpec
