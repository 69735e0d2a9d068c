"""Check that inputs from elsewhere are looked at, and that what is secret in their URLs is not shown."""

from __future__ import annotations

from typing import Any

from common_compute_conformance.checks.refusals import Near, refused
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_INLINE = {"kind": "inline", "content_base64": ""}
_SECRETS = ("tR4ngers", "s3same-open", "sw0rdfish", "h1dden-one")


def _input(source: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"path": "x", "source": source}]


@check("CC-STAGE-004")
def what_cannot_be_fetched_is_refused(trial: Trial) -> None:
    """CC-STAGE-004: a scheme or a storage that the facility does not list is 422, with a pointer to it."""
    schemes = {str(each).lower() for each in trial.target.facility["input_url_schemes"]}
    for scheme in ("file", "gopher", "no-such-scheme", "https", "http", "ftp"):
        if scheme in schemes:
            continue
        url = {"kind": "url", "url": f"{scheme}://example.org/x"}
        refused(
            trial,
            trial.workbench.trivial(inputs=_input(url)),
            "unsupported-capability",
            pointer="/inputs/0/source/url",
            what=f"an input from {scheme}:",
        )
        second = [*_input(_INLINE), {"path": "y", "source": url}]
        refused(
            trial,
            trial.workbench.trivial(inputs=second),
            "unsupported-capability",
            pointer="/inputs/1/source/url",
            what=f"a second input from {scheme}:",
        )
        trial.witness(f"an input from {scheme}: 422")
    output = {"path": "x", "destination": {"url": "no-such-scheme://example.org/x"}}
    refused(
        trial,
        trial.workbench.trivial(outputs=[output]),
        pointer="/outputs/0/destination/url",
        what="a destination at no-such-scheme:",
    )
    names = {str(each["name"]) for each in trial.target.facility["storage"]}
    for name in {each.swapcase() for each in names} - names:
        stored = {"kind": "storage", "storage": name, "path": "x"}
        pointer = "/inputs/0/source/storage"
        refused(
            trial, trial.workbench.trivial(inputs=_input(stored)), pointer=pointer, what=f"the storage {name}"
        )
    stored = {"kind": "storage", "storage": "no-such-storage", "path": "x"}
    refused(
        trial,
        trial.workbench.trivial(inputs=_input(stored)),
        "unsupported-capability",
        pointer="/inputs/0/source/storage",
        what="an input from a storage that is not there",
        near=Near.AROUND_OR_WITHIN,
    )
    trial.witness("an input from no-such-storage: 422")


@check("CC-STAGE-006")
def secrets_in_urls_are_not_shown(trial: Trial) -> None:
    """CC-STAGE-006: user part and query values of a URL in `spec` are shown as `REDACTED`."""
    schemes = [str(each) for each in trial.target.facility["input_url_schemes"]]
    if not schemes:
        trial.not_applicable("the facility lists no scheme of URLs")
    user, password, first, second = _SECRETS
    url = f"{schemes[0]}://{user}:{password}@example.invalid/a/b?one={first}&two={second}#end"
    inputs = _input({"kind": "url", "url": url})
    output = {"path": "z", "required": False, "destination": {"url": url.replace("/a/b", "/a/z")}}
    body = trial.workbench.trivial(inputs=inputs, outputs=[output])
    specimen = trial.workbench.shared("staged", lambda: trial.workbench.begin("staged", body, {}))
    cancelled = trial.client.call("cancel_job", job_id=specimen.id).expect(200, 202)
    shown = [specimen.submitted, cancelled, trial.client.call("get_job", job_id=specimen.id).expect(200)]
    for exchange in shown:
        told = str(exchange.document()["spec"]["inputs"][0]["source"]["url"])
        for secret in _SECRETS:
            trial.require(
                secret not in exchange.content.decode("utf-8", "replace"), f"{exchange} shows {secret!r}"
            )
        trial.require(
            told.startswith(f"{schemes[0]}://REDACTED@example.invalid/a/b?") and told.count("REDACTED") >= 3,
            f"{exchange} shows the URL as {told!r}",
        )
        for name in ("one=REDACTED", "two=REDACTED"):
            trial.require(name in told, f"{exchange} shows the URL as {told!r}, without {name}")
    trial.witness(f"the job {specimen.id} shows its input's URL without its secrets")
