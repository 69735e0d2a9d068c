"""The reference: the operations, schemas and problems of the contract, with exchanges that took place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from common_compute_website import contract, schemas
from common_compute_website.contract import Node
from common_compute_website.exchanges import Exchange
from common_compute_website.markdown import fenced, folded, json_text, link, table

INDEX = "reference/index.md"
_MANY = 12


def pages(exchanges: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
    """Write the pages of the reference, each with its address."""
    openapi = contract.version().openapi
    yield "reference/conventions.md", f"# Conventions\n\n{openapi['info']['description']}\n"
    for tag in openapi["tags"]:
        yield f"reference/{tag['name']}.md", _of_tag(tag, exchanges)
    yield contract.SCHEMAS_PAGE, schemas.page()
    yield contract.PROBLEMS_PAGE, _problems(exchanges)


def table_of_operations() -> str:
    """Give all operations, one in a line."""
    rows = [
        (
            f"[`{name}`]({link(INDEX, contract.operation_page(name))})",
            f"`{each['method']} {each['path']}`",
            each["summary"],
            each["x-conformance-class"],
        )
        for name, each in contract.operations().items()
    ]
    return table(("operation", "call", "what it does", "class"), rows)


def _of_tag(tag: Node, exchanges: Sequence[Exchange]) -> str:
    page = f"reference/{tag['name']}.md"
    parts = [f"# {tag['name'].capitalize()}\n", schemas.described(tag["description"])]
    for name, operation in contract.operations().items():
        if operation["tags"][0] == tag["name"]:
            parts += _operation(page, name, operation)
            shown = sorted((each for each in exchanges if each.operation == name), key=_is_problem)
            parts += ["**Sent and answered in this build**\n", *map(_exchange, shown)]
    return "\n".join(parts)


def _operation(page: str, name: str, operation: Node) -> Iterator[str]:
    scope = operation.get("x-scope")
    yield f"## {operation['summary']} {{#{name}}}\n"
    yield f"`{operation['method']} /v1{operation['path']}`{{.call}}\n"
    yield (
        f"`{name}` · class {operation['x-conformance-class']}, which the {operation['x-class-scope']} claims"
        + (f" · needs the scope `{scope}` where there are tokens\n" if scope else " · needs no token\n")
    )
    yield schemas.described(operation["description"])
    resolved = [contract.version().resolved(each) for each in operation["parameters"]]
    if resolved:
        rows = [
            (
                f"`{each['name']}`",
                each["in"],
                schemas.kind(each["schema"], page),
                "yes" if each.get("required") else "",
                each.get("description", ""),
            )
            for each in resolved
        ]
        yield table(("parameter", "in", "is", "always", "meaning"), rows)
    if "requestBody" in operation:
        body = contract.version().resolved(operation["requestBody"])
        node = body["content"]["application/json"]["schema"]
        yield f"**Body**: {schemas.kind(node, page)}. {body.get('description', '')}\n"
    yield table(("answer", "body", "meaning"), _answers(page, operation))
    problems = [
        f"[`{code}`]({link(page, contract.problem_page(code))})" for code in operation.get("x-problems", ())
    ]
    if problems:
        yield f"**Problems of its own**: {', '.join(problems)}. Any other may answer where it applies.\n"
    asked = [
        f"[{each['id']}]({link(page, contract.requirement_page(each['id']))})"
        for each in contract.requirements().values()
        if set(each.get("operations", ())) == {name}
    ]
    if len(asked) > _MANY:
        yield f'??? note "{len(asked)} requirements about it alone"\n\n    {", ".join(asked)}\n'
    elif asked:
        yield f"**Requirements about it alone**: {', '.join(asked)}.\n"


def _answers(page: str, operation: Node) -> Iterator[tuple[str, str, str]]:
    for status, node in operation["responses"].items():
        if status == "default" or not str(status).startswith(("2", "3")):
            continue
        answer = contract.version().resolved(node)
        kinds = [
            schemas.kind(each["schema"], page) if "json" in media else f"`{media}`"
            for media, each in answer.get("content", {}).items()
        ]
        yield f"{status}", ", ".join(kinds), answer["description"]


def _is_problem(each: Exchange) -> bool:
    """Tell what is shown last: what can go wrong comes after what goes well."""
    return each.code is not None


def _exchange(each: Exchange) -> str:
    words = f"{each.title}: {each.status}" + (f" {each.code}" if each.code else "")
    parts = [_message(each.request_head(), each.body), _message(each.answer_head(), each.answer)]
    return folded(words, "\n".join(parts))


def _message(head: str, body: str) -> str:
    if not body:
        return fenced("text", head)
    try:
        return fenced("text", head) + "\n" + fenced("json", json_text(json.loads(body)))
    except ValueError:
        return fenced("text", f"{head}\n\n{body}")


def _problems(exchanges: Sequence[Exchange]) -> str:
    openapi = contract.version().openapi
    seen = {each.code: each for each in reversed(exchanges) if each.code}
    catalogue = openapi["x-problem-catalogue"]
    parts = [
        "# Problems\n",
        "Every error is a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457))."
        " Programs read `code`, people read `detail`; `retryable` says whether the same request may succeed"
        f" later. Of {len(catalogue)} codes {len(seen)} were met in this build, as they stand here.\n",
    ]
    for each in catalogue:
        again = "The same request may succeed later." if each["retryable"] else "To repeat it does not help."
        parts.append(f"## {each['code']} {{#{each['code']}}}\n")
        parts.append(f"**{each['status']}** · {each['title']}. {again}\n\n{each['meaning']}\n")
        if each["code"] in seen:
            parts.append(_exchange(seen[each["code"]]))
        else:
            parts.append("The servers of this build could not be brought to it.\n")
    reasons = [(f"`{each['code']}`", each["meaning"]) for each in openapi["x-reason-codes"]]
    parts.append("## Reasons of a job's end {#reasons}\n")
    parts.append(
        "A job that failed or was cancelled carries a reason. How each facility tells them is under"
        " [one API, two worlds](../worlds/index.md#reasons).\n"
    )
    parts.append(table(("reason", "meaning"), reasons))
    return "\n".join(parts)
