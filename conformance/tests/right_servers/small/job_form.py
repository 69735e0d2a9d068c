"""The form of a whole job specification, put together from shapes, in the order of the contract's JobSpec."""

from collections.abc import Iterator
from typing import Any

import shapes
from shapes import CONTROL, Path

short_text = shapes.text(
    f"[^{CONTROL}]{{1,255}}", "it is a text of 1 to 255 characters without control characters"
)
identifier = shapes.text(
    r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}", "it is an id: letters, digits, `.`, `_`, `~` and `-`"
)
without_nul = shapes.text(r"[^\x00]*", "it is a string without NUL")
sha256 = shapes.text(r"[0-9a-f]{64}", "it is a SHA-256 in lower-case hexadecimal digits")
url = shapes.text(
    r"(?=.{0,4096}\Z)(?:[A-Za-z][A-Za-z0-9+.-]*:|\{\{[A-Za-z_][A-Za-z0-9_]*\}\})[\x21-\x7E]*",
    "it is an absolute URL",
)
image = shapes.text(
    r"(?=.{0,512}\Z)(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9A-Fa-f]{32,128})?",
    "it is an OCI image reference",
)
any_kind = shapes.text(".*", "it is a string")

software = shapes.by_kind(
    {
        "installed": shapes.record({"kind": any_kind, "name": short_text}, {"version": short_text}),
        "container": shapes.one_of(
            {
                "image": image,
                "image_archive": shapes.record(
                    {
                        "url": url,
                        "sha256": sha256,
                        "format": shapes.text(
                            "sif|docker-archive|oci-archive", "it is a format of image archives"
                        ),
                    }
                ),
            },
            always={"kind": any_kind},
        ),
    }
)
source = shapes.by_kind(
    {
        "inline": shapes.record(
            {
                "kind": any_kind,
                "content_base64": shapes.text(
                    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
                    "it is base64 with padding and without line breaks",
                ),
            }
        ),
        "url": shapes.record({"kind": any_kind, "url": url}, {"sha256": sha256}),
        "storage": shapes.record({"kind": any_kind, "storage": short_text, "path": shapes.relative_path}),
    }
)
variable = r"(?!CC_)[A-Za-z_][A-Za-z0-9_]*"
label_value = shapes.text(
    f"[^{CONTROL}]{{0,255}}", "it is a text of at most 255 characters without control characters"
)

job_spec = shapes.record(
    {
        "facility_id": identifier,
        "software": software,
        "command": shapes.listing(without_nul, least=1),
    },
    {
        "name": short_text,
        "environment": shapes.mapping(variable, without_nul),
        "inputs": shapes.listing(
            shapes.record({"path": shapes.relative_path, "source": source}, {"executable": shapes.boolean})
        ),
        "outputs": shapes.listing(
            shapes.record(
                {"path": shapes.relative_path},
                {"required": shapes.boolean, "destination": shapes.record({"url": url})},
            )
        ),
        "resources": shapes.record(
            {},
            {
                **dict.fromkeys(
                    ("cpu_cores", "memory_bytes", "wall_time_seconds", "gpus"), shapes.integer(0)
                ),
                **dict.fromkeys(("architecture", "queue", "site"), short_text),
            },
        ),
        "array": shapes.one_of(
            {
                "count": shapes.integer(1),
                "parameters": shapes.listing(shapes.mapping(variable, without_nul, least=1), least=1),
            }
        ),
        "project": short_text,
        "labels": shapes.mapping(r"[A-Za-z0-9._/-]{1,63}", label_value, most=64),
        "metadata": shapes.an_object,
        "backend_parameters": shapes.an_object,
    },
)


def faults_of_form(body: Any) -> Iterator[tuple[Path, str]]:
    """Give every fault of form in a body, with the path to it."""
    yield from job_spec(body, ())
    if isinstance(body, dict):
        if isinstance(body.get("command"), list) and body["command"][:1] == [""]:
            yield ("command", 0), "the first element of a command is not empty"
        yield from shapes.no_null(body.get("backend_parameters", {}), ("backend_parameters",))
