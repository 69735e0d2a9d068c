"""Show the contract that this program speaks, how it differs from another version, and what reviewers say."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from common_compute_cli import output, specification
from common_compute_cli.connection import AsJson
from common_compute_cli.errors import ANSWER_IS_NO, WrongUsage
from common_compute_cli.extras import needs
from common_compute_proposal.allowance import broken_subjects, not_named
from common_compute_proposal.changes import Change, Weight, changes_between
from common_compute_proposal.review import NotAForm, form, read_form
from common_compute_proposal.versions import NoContract, read_version

app = typer.Typer(no_args_is_help=True)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Print the OpenAPI document, as YAML or JSON."""
    if as_json:
        output.print_json(specification.openapi())
    else:
        sys.stdout.write(specification.openapi_text())


@app.command()
def requirements(
    conformance_class: Annotated[
        str | None, typer.Option("--class", help="Only those of this conformance class.")
    ] = None,
    area: Annotated[
        str | None, typer.Option(help="Only those of this area: the middle of an id, such as JOB.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the normative statements of the contract."""
    known = specification.requirements()
    for name, option, values in (
        (conformance_class, "--class", {str(each["class"]) for each in known}),
        (area, "--area", {str(each["id"]).split("-")[1] for each in known}),
    ):
        if name is not None and name not in values:
            raise WrongUsage(f"{option} {name} is not known: there are {', '.join(sorted(values))}.")
    chosen = [
        each
        for each in known
        if conformance_class in (None, each["class"]) and area in (None, str(each["id"]).split("-")[1])
    ]
    if as_json:
        output.print_json(chosen)
        return
    output.table(
        ["ID", "CLASS", "LEVEL", "STATEMENT"],
        [(each["id"], each["class"], each["level"], each["sentence"]) for each in chosen],
        empty="None.",
    )


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A folder like spec/, or its openapi.yaml.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same of the later version.")],
    allowed_by: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A decision record that names what it lets break. Repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what changes between two versions of the contract: additions, breaks, and words.

    The exit code is 0 if nothing breaks, or only what the decision records name: the operation, or the id of
    the requirement. What changed in a sentence alone is told, for people to judge.
    """
    try:
        changes = changes_between(read_version(old), read_version(new))
        records = [record.read_text(encoding="utf-8") for record in allowed_by or ()]
    except (NoContract, OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{error}.") from error
    unnamed = not_named(broken_subjects(changes), records)
    if as_json:
        told = [
            {"subject": each.subject, "place": each.place, "weight": each.weight.value, "change": each.words}
            for each in changes
        ]
        output.print_json({"changes": told, "not_allowed": sorted(unnamed)})
    else:
        _tell(changes, unnamed)
    raise typer.Exit(ANSWER_IS_NO if unnamed else 0)


def _tell(changes: list[Change], unnamed: set[str]) -> None:
    output.table(
        ["", "OF", "WHERE", "CHANGE"],
        [(each.weight.value, each.subject, each.place, each.words) for each in changes],
        empty="Nothing has changed.",
    )
    if not changes:
        return
    counts = Counter(each.weight.value for each in changes)
    told = ", ".join(f"{counts[weight.value]} {weight.value}" for weight in Weight if counts[weight.value])
    closing = f"{told}."
    if unnamed:
        closing += f" No decision record that was given names {', '.join(sorted(unnamed))}."
    output.console().print(output.plain(closing))


@app.command()
def lint(
    place: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A folder like spec/, or its openapi.yaml; or this program's."),
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules, and look at nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold the contract against our own rules, which no linter of OpenAPI can know.

    The exit code is 1 if a rule finds something, and 0 if none does. What is released is compared where there
    is a folder `released`; what asks for requirements applies where there is a requirements.yaml.
    """
    with needs("proposal"):
        from common_compute_proposal.lint import RULES, findings_of
        from common_compute_proposal.source import read_source
    if rules:
        output.table(
            ["RULE", "WHAT IT ASKS"],
            [(rule.__name__.replace("_", " "), str(rule.__doc__).partition("\n")[0]) for rule in RULES],
            empty="None.",
        )
        return
    try:
        source = read_source(place if place is not None else specification.folder())
        findings = findings_of(source)
    except NoContract as error:
        raise WrongUsage(f"{error}.") from error
    if as_json:
        output.print_json(
            [
                {
                    "file": str(each.file),
                    "line": each.line,
                    "pointer": each.pointer,
                    "rule": each.rule,
                    "words": each.words,
                }
                for each in findings
            ]
        )
    else:
        for each in findings:
            sys.stdout.write(f"{output.plain(f'{each.file}:{each.line}: {each.rule}: {each.words}')}\n")
        operations, requirements = len(source.version.operations), len(source.version.requirements)
        looked = f"{operations} operations, {requirements} requirements, {len(RULES)} rules"
        told = f"{len(findings)} findings" if findings else "nothing found"
        sys.stderr.write(f"{output.plain(f'{source.document}: {looked}: {told}.')}\n")
    raise typer.Exit(ANSWER_IS_NO if findings else 0)


@app.command()
def review_form(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="What is written: a form, or the page.")],
    organisation: Annotated[
        str, typer.Option(metavar="NAME", help="Who fills the form in; they may write it in themselves.")
    ] = "",
    merge: Annotated[
        list[Path] | None,
        typer.Option(metavar="FORM", help="A form that came back: all of them become one page. Repeatable."),
    ] = None,
    spec: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Another version of the contract than this program's.")
    ] = None,
) -> None:
    """Write the form on which reviewers say yes or no to each requirement, or one page of all that came back.

    A form is CSV for any spreadsheet: an x under agree or disagree, and a comment.
    """
    with needs("proposal"):
        from common_compute_proposal.overview import overview
    try:
        version = read_version(spec) if spec is not None else specification.version()
        if merge:
            content = overview(version, [read_form(file, version) for file in merge])
        else:
            content = form(version, organisation).encode("utf-8-sig")  # by which spreadsheets know UTF-8
        out.write_bytes(content)
    except (NoContract, NotAForm) as error:
        raise WrongUsage(f"{error}.") from error
    except OSError as error:
        raise WrongUsage(f"{out} cannot be written: {error.strerror}.") from error
    sys.stderr.write(f"{output.plain(f'Written: {out}')}\n")
