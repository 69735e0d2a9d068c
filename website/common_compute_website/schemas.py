"""The schemas of the contract as Markdown: what a member is, in one line, and which members there are."""

from __future__ import annotations

from common_compute_website import contract
from common_compute_website.contract import SCHEMAS_PAGE, Node
from common_compute_website.markdown import link, table

_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "maxProperties": "at most {} members",
    "x-max-bytes": "at most {} bytes",
    "x-unique-by": "no two with the same {}",
    "x-minimum-where-supported": "at least {} where it is supported",
}


def page() -> str:
    """Write the page of all schemas."""
    parts = [
        "# Schemas\n",
        "Every object that goes over the wire. A member without a value is absent, never null; a client"
        " ignores members of answers that it does not know.\n",
    ]
    for name, node in contract.schemas().items():
        parts.append(f"## {name} {{#{name.lower()}}}\n")
        parts.append(described(node.get("description", "")))
        parts.append(_body(node))
    return "\n".join(parts)


def described(text: str) -> str:
    """Give a description of the contract, which is Markdown already."""
    return f"{text.strip()}\n" if text else ""


def kind(node: Node, page_name: str) -> str:
    """Say in one line what a value is, with links to schemas that have a name."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return f"[{name}]({link(page_name, contract.schema_page(name))})"
    if len(node.get("allOf", ())) == 1:
        return kind(node["allOf"][0], page_name)
    for word in ("oneOf", "anyOf"):
        if word in node:
            return " or ".join(kind(each, page_name) for each in node[word])
    told = str(node.get("type", "any value"))
    if told == "array":
        told = f"list of {kind(node['items'], page_name)}" if "items" in node else "list"
    elif told == "object" and isinstance(node.get("additionalProperties"), dict) and "properties" not in node:
        told = f"map to {kind(node['additionalProperties'], page_name)}"
    if "enum" in node:
        told = " or ".join(f"`{value}`" for value in node["enum"])
    elif "format" in node:
        told += f" ({node['format']})"
    rules = [words.format(node[word]) for word, words in _BOUNDS.items() if word in node]
    return ", ".join([told, *rules])


def _body(node: Node) -> str:
    if "properties" in node:
        return _members(node, set(node.get("required", ())))
    if len(node.get("allOf", ())) > 1:
        parts = [_also(part) for part in node["allOf"]]
        return "\n".join(parts)
    told = f"{kind(node, SCHEMAS_PAGE)}\n"
    if "pattern" in node:
        told += f"\nPattern: `` {node['pattern']} ``\n"
    return told


def _also(part: Node) -> str:
    if "$ref" in part:
        return f"All of {kind(part, SCHEMAS_PAGE)}, and:\n"
    return _body(part)


def _members(node: Node, required: set[str]) -> str:
    rows = []
    for name, member in node["properties"].items():
        always = "yes" if name in required else ""
        words = member.get("description", "")
        if not words and "$ref" in member:
            words = contract.version().resolved(member).get("description", "").split("\n\n")[0]
        rows.append((f"`{name}`", kind(member, SCHEMAS_PAGE), always, words))
        rows += _inner(name, member)
    return table(("member", "is", "always", "meaning"), rows)


def _inner(name: str, member: Node) -> list[tuple[str, str, str, str]]:
    """Give the members of an object that has no name of its own."""
    inner = member.get("items", member) if member.get("type") == "array" else member
    dots = f"{name}[]." if inner is not member else f"{name}."
    return [
        (
            f"`{dots}{each}`",
            kind(node, SCHEMAS_PAGE),
            "yes" if each in inner.get("required", ()) else "",
            node.get("description", ""),
        )
        for each, node in inner.get("properties", {}).items()
    ]
