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
    breaks = {change.subject for change in changes if change.weight is Weight.BREAK}
    unnamed = {subject for subject in breaks if not any(subject in record for record in records)}
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
