"""Check that what a job specification may hold is looked at, member by member."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common_compute_conformance.checks.refusals import Near, refused, step
from common_compute_conformance.registry import check
from common_compute_conformance.specimens.ordinary import METADATA_BYTES, metadata_of
from common_compute_conformance.trial import Trial

_INLINE = {"kind": "inline", "content_base64": "eA=="}
_BAD_PATHS = ("/absolute", "a//b", "./a", "a/./b", "../a", "a/../b", "a/..", "a/", "", ".", "..")
_CONTROLS = ("\n", "\t", "\x00", "\x1f", "\x7f", "\x85")


def _each_refused(
    trial: Trial, bodies: Iterator[tuple[str, str, dict[str, Any]]], *codes: str, near: Near = Near.AROUND
) -> None:
    count = 0
    for what, pointer, body in bodies:
        refused(trial, body, *codes, pointer=pointer, what=what, near=near)
        count += 1
        if count <= 5:
            trial.witness(f"{what}: 422, at {pointer or 'the body'}")
    trial.witness(f"{count} faulty bodies were refused")


@check("CC-VAL-001")
def unknown_members_are_refused(trial: Trial) -> None:
    """CC-VAL-001: an unknown member is 422 with a pointer."""
    trivial = trial.workbench.trivial

    def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
        yield "an unknown member", "/surprise", trivial(surprise=1)
        yield (
            "an unknown member of software",
            "/software/surprise",
            {
                **trivial(),
                "software": {**trial.target.software, "surprise": 1},
            },
        )
        yield "an unknown resource", "/resources/surprise", trivial(resources={"surprise": 1})
        yield (
            "an unknown member of an input",
            "/inputs/0/surprise",
            trivial(inputs=[{"path": "x", "source": _INLINE, "surprise": 1}]),
        )
        yield (
            "an unknown member of a source",
            "/inputs/0/source/surprise",
            trivial(inputs=[{"path": "x", "source": {**_INLINE, "surprise": 1}}]),
        )
        yield (
            "an unknown member of an output",
            "/outputs/0/surprise",
            trivial(outputs=[{"path": "x", "surprise": 1}]),
        )
        yield "a member in another spelling", "/Name", trivial(Name="x")
        if trial.target.claims("arrays"):
            yield "an unknown member of array", "/array/surprise", trivial(array={"count": 1, "surprise": 1})
        if trial.target.claims("staging"):
            output = {"path": "x", "destination": {"url": "https://example.org/x", "surprise": 1}}
            yield (
                "an unknown member of a destination",
                "/outputs/0/destination/surprise",
                trivial(outputs=[output]),
            )

    _each_refused(trial, bodies(), "invalid-request")


@check("CC-VAL-001", specimens=("optional",))
def metadata_and_labels_are_free(trial: Trial) -> None:
    """CC-VAL-001: members of any name are accepted at any depth of `metadata`, and as `labels`."""
    specimen = trial.workbench.specimen("optional")
    sent = specimen.submitted.expect(201).document()
    trial.equal(specimen.body["metadata"], sent["spec"]["metadata"], "metadata")
    trial.equal(specimen.body["labels"], sent["labels"], "labels")
    trial.witness(f"{specimen.id} was accepted with free metadata, and the labels {sorted(sent['labels'])}")


@check("CC-VAL-002")
def required_members_are_required(trial: Trial) -> None:
    """CC-VAL-002: a required member that is missing is 422 with a pointer."""
    trivial = trial.workbench.trivial

    def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name in ("facility_id", "software", "command"):
            body = trivial()
            del body[name]
            yield f"a body without {name}", f"/{name}", body
        software = {key: value for key, value in trial.target.software.items() if key != "kind"}
        yield "software without kind", "/software/kind", {**trivial(), "software": software}
        yield "an input without source", "/inputs/0/source", trivial(inputs=[{"path": "x"}])
        yield "an input without path", "/inputs/0/path", trivial(inputs=[{"source": _INLINE}])
        yield "an output without path", "/outputs/0/path", trivial(outputs=[{}])

    _each_refused(trial, bodies(), "invalid-request")


@check("CC-VAL-002")
def types_are_looked_at(trial: Trial) -> None:
    """CC-VAL-002: a value of a wrong type, and a null outside `metadata`, is 422 with a pointer."""
    trivial = trial.workbench.trivial
    wrong: dict[str, tuple[Any, ...]] = {
        "facility_id": (None, 1, []),
        "software": (None, "shell", []),
        "command": (None, "printf x", {}, [None], [1]),
        "name": (None, 1, {}),
        "environment": (None, [], {"A": None}, {"A": 1}, {"A": True}),
        "inputs": (None, {}, [None], ["x"]),
        "outputs": (None, "x", [None], ["x"]),
        "resources": (
            None,
            [],
            {"cpu_cores": None},
            {"cpu_cores": "1"},
            {"cpu_cores": 1.5},
            {"cpu_cores": True},
        ),
        "array": (None, 3, [], {"count": "3"}, {"count": None}),
        "project": (None, 1),
        "labels": (None, [], {"k": None}, {"k": 1}),
        "metadata": (None, [], "x"),
        "backend_parameters": (None, [], "x"),
    }
    flags: tuple[Any, ...] = (None, "yes", 1, 0, [])

    def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name, values in wrong.items():
            for value in values:
                deepest = f"/{name}/{next(iter(value))}" if isinstance(value, dict) and value else f"/{name}"
                pointer = f"/{name}/0" if isinstance(value, list) and value else deepest
                yield f"{name}: {value!r}", pointer, {**trivial(), name: value}
        for flag in flags:
            executable = [{"path": "x", "source": _INLINE, "executable": flag}]
            yield f"executable: {flag!r}", "/inputs/0/executable", trivial(inputs=executable)
            required = [{"path": "x", "required": flag}]
            yield f"required: {flag!r}", "/outputs/0/required", trivial(outputs=required)
        if trial.target.software["kind"] == "installed":
            software = {**trial.target.software, "version": None}
            yield "version: None", "/software/version", {**trivial(), "software": software}

    _each_refused(trial, bodies(), "invalid-request")
    body = trivial(backend_parameters={"x": None})
    refused(trial, body, pointer="/backend_parameters/x", what="a null in backend_parameters")


@check("CC-VAL-002", specimens=("optional",))
def one_point_zero_is_an_integer(trial: Trial) -> None:
    """CC-VAL-002: a number such as `1.0` is an integer."""
    if trial.target.resource("cpu_cores")["support"] == "unsupported":
        exchange = trial.client.call("submit_job", body=trial.workbench.trivial(resources={"cpu_cores": 1.0}))
        exchange.problem(422, "unsupported-capability")
    else:
        exchange = trial.workbench.specimen("optional").submitted.expect(201)
    trial.witness(f"cpu_cores 1.0 is read as an integer: {exchange}")


@check("CC-VAL-003")
def commands_are_looked_at(trial: Trial) -> None:
    """CC-VAL-003: a `command` that is empty, begins with an empty string or holds a NUL is 422."""
    cases: dict[str, list[str]] = {
        "that is empty": [],
        "that begins with an empty string": [""],
        "that begins with an empty string and goes on": ["", "x"],
        "that holds a NUL": ["printf", "a\0b"],
    }

    def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for what, command in cases.items():
            yield f"a command {what}", "/command", {**trial.workbench.trivial(), "command": command}

    _each_refused(trial, bodies(), "invalid-request", near=Near.AROUND_OR_WITHIN)


@check("CC-VAL-004")
def environments_are_looked_at(trial: Trial) -> None:
    """CC-VAL-004: a bad or reserved name in `environment`, or a NUL in a value, is 422."""
    trivial = trial.workbench.trivial
    names = ("1A", "A-B", "", "A B", "A=B", "Ä", "A.B", "CC_X", "CC_JOB_ID", "CC_", "A\n")

    def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name in names:
            yield f"the variable {name!r}", f"/environment/{step(name)}", trivial(environment={name: "x"})
        yield "a NUL in a value", "/environment/A", trivial(environment={"A": "a\0b"})

    _each_refused(trial, bodies(), "invalid-request")


@check("CC-VAL-005")
def paths_are_looked_at(trial: Trial) -> None:
    """CC-VAL-005: paths that are not plainly relative, or collide, are 422."""
    trivial = trial.workbench.trivial

    def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path in _BAD_PATHS:
            yield (
                f"an input at {path!r}",
                "/inputs/0/path",
                trivial(inputs=[{"path": path, "source": _INLINE}]),
            )
            yield f"an output at {path!r}", "/outputs/0/path", trivial(outputs=[{"path": path}])
        for first, second in (("a", "a"), ("a/b", "a/b"), ("a", "a/b"), ("a/b/c", "a/b")):
            inputs = [{"path": path, "source": _INLINE} for path in (first, second)]
            # Either of the two heals it, so the error may point to either.
            yield f"inputs at {first} and {second}", "/inputs", trivial(inputs=inputs)

    _each_refused(trial, bodies(), near=Near.AROUND_OR_WITHIN)


@check("CC-VAL-006")
def names_are_looked_at(trial: Trial) -> None:
    """CC-VAL-006: a `name` that is empty or too long, and a control character in a text, is 422."""
    trivial = trial.workbench.trivial

    def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
        yield "an empty name", "/name", trivial(name="")
        yield "a name of 256 characters", "/name", trivial(name="n" * 256)
        for control in _CONTROLS:
            yield f"{control!r} in the name", "/name", trivial(name=f"a{control}b")
            yield f"{control!r} in the project", "/project", trivial(project=f"a{control}b")
            yield f"{control!r} in a label", "/labels/k", trivial(labels={"k": f"a{control}b"})

    _each_refused(trial, bodies(), "invalid-request")


@check("CC-VAL-006", specimens=("brim",))
def a_name_of_255_characters_is_accepted(trial: Trial) -> None:
    """CC-VAL-006: a `name` of 255 characters, whatever their bytes, is accepted."""
    specimen = trial.workbench.specimen("brim")
    trial.equal(specimen.body["name"], specimen.submitted.document()["name"], "the name of 255 characters")
    trial.witness(f"the job {specimen.id} has a name of 255 characters")


@check("CC-VAL-007")
def labels_are_looked_at(trial: Trial) -> None:
    """CC-VAL-007: too many labels, a bad key and a long value are 422."""
    trivial = trial.workbench.trivial

    def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
        yield "65 labels", "/labels", trivial(labels={f"k{number}": "" for number in range(65)})
        for key in ("", "k" * 64, "a b", "a=b", "ä", "a:b", "a\n"):
            yield f"the key {key!r}", "/labels", trivial(labels={key: "x"})
        yield "a value of 256 characters", "/labels/k", trivial(labels={"k": "v" * 256})

    _each_refused(trial, bodies(), near=Near.AROUND_OR_WITHIN)


@check("CC-VAL-007", specimens=("brim",))
def as_many_labels_as_may_be_are_accepted(trial: Trial) -> None:
    """CC-VAL-007: 64 labels, keys of 63 and values of 255 characters, and an empty value are accepted."""
    specimen = trial.workbench.specimen("brim")
    labels = specimen.submitted.document()["labels"]
    trial.equal(specimen.body["labels"], labels, "the labels")
    trial.witness(f"the job {specimen.id} has {len(labels)} labels, one of them empty")


@check("CC-VAL-008", specimens=("brim",))
def metadata_has_a_limit(trial: Trial) -> None:
    """CC-VAL-008: `metadata` of 65536 bytes is accepted, and a larger one 422."""
    specimen = trial.workbench.specimen("brim")
    if len(specimen.body["metadata"]["text"]) < METADATA_BYTES // 2:
        trial.not_applicable("no body that the service takes holds as much metadata")
    trial.equal(specimen.body["metadata"], specimen.submitted.document()["spec"]["metadata"], "metadata")
    trial.witness(f"the job {specimen.id} has metadata of {METADATA_BYTES} bytes")
    body = trial.workbench.trivial(metadata=metadata_of(METADATA_BYTES + 1))
    refused(trial, body, pointer="/metadata", what="metadata of one byte more")
    trial.witness("one byte more: 422")


def _invalid(trial: Trial) -> dict[str, dict[str, Any]]:
    trivial = trial.workbench.trivial
    return {
        "an unknown member": trivial(surprise=1),
        "no command": {**trivial(), "command": []},
        "an unknown facility": {**trivial(), "facility_id": "no-such-facility"},
        "an unknown architecture": trivial(resources={"architecture": "no-such-architecture"}),
        "two faults": {**trivial(), "command": "x", "environment": {"CC_X": "x"}},
    }


@check("CC-VAL-021")
def validate_job_accepts_what_is_valid(trial: Trial) -> None:
    """CC-VAL-021: validate_job says `valid` of a valid body, and no job comes of it."""
    mark = trial.pace.draw_name("validated")
    labels = {"validated": mark}
    for body in (
        trial.workbench.trivial(labels=labels),
        {**trial.workbench.specimen("optional").body, "labels": labels},
    ):
        verdict = trial.client.call("validate_job", body=body).expect(200).document()
        trial.equal((True, []), (verdict["valid"], verdict["errors"]), "the verdict on a valid body")
    jobs = trial.workbench.walk("list_jobs", "jobs", [("label", f"validated={mark}")])
    trial.equal([], jobs, "the jobs that came of a validation")
    trial.witness("two valid bodies are valid, and no job came of them")


@check("CC-VAL-022")
def validate_job_finds_the_same_faults(trial: Trial) -> None:
    """CC-VAL-022: validate_job gives the errors that submit_job would, each with its `code`."""
    for what, body in _invalid(trial).items():
        verdict = trial.client.call("validate_job", body=body).expect(200).document()
        problem = refused(trial, body, what=what)
        trial.equal(False, verdict["valid"], f"the verdict on {what}")
        found = [{key: each for key, each in error.items() if key != "code"} for error in verdict["errors"]]
        wanted = [{key: each for key, each in error.items() if key != "code"} for error in problem["errors"]]
        trial.equal(wanted, found, f"the errors of {what}")
        codes = [error["code"] for error in verdict["errors"]]
        unknown = [code for code in codes if code not in trial.contract.problems]
        trial.require(not unknown, f"{what}: {unknown} is in no catalogue")
        trial.require(
            problem["code"] in codes, f"{what}: code {problem['code']} of the problem is not among {codes}"
        )
        trial.witness(f"{what}: {codes}, as submit_job")


@check("CC-VAL-022")
def validate_job_takes_any_json(trial: Trial) -> None:
    """CC-VAL-022: a body that is JSON but no object is 200 and not valid; submit_job answers 422."""
    values: tuple[Any, ...] = ([], "text", 1, None, True)
    for value in values:
        verdict = trial.client.call("validate_job", body=value).expect(200).document()
        trial.require(
            verdict["valid"] is False and bool(verdict["errors"]), f"the verdict on {value!r} is {verdict}"
        )
        trial.client.call("submit_job", body=value).problem(422, "invalid-request")
        trial.witness(f"{value!r}: not valid, and 422 from submit_job")
