"""What changes between two versions of the contract: additions and breaks told apart.

A break is what has a request refused that was taken, an answer come that was not possible, or a statement
fall that could be relied on. Clients have to ignore members that they do not know, so that a new member of an
answer is an addition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common_compute_proposal.shapes import BOUNDS, facts_of, lets_more_pass
from common_compute_proposal.versions import Document, Version

Facts = Mapping[tuple[str, str], Any]
_NOTHING: frozenset[str] = frozenset()


class Weight(StrEnum):
    """What a change means for who relies on the old version."""

    BREAK = "break"
    ADDITION = "addition"
    WORDS = "words"
    """The sentence of a statement has changed: only a reader can tell whether its meaning has."""


@dataclass(frozen=True, order=True)
class Change:
    """One change: of what (a requirement's id, an operation, the steps of a job), where in it, and how."""

    subject: str
    place: str
    weight: Weight
    words: str


def changes_between(old: Version, new: Version) -> list[Change]:
    """Give all changes, by subject and place, each once."""
    found = {
        *_of_requirements(old, new),
        *_of_steps(old, new),
        *_of_operations(old.operations, new.operations, old, new),
    }
    return sorted(found)


def _of_requirements(old: Version, new: Version) -> Iterator[Change]:
    before = {each["id"]: each for each in old.requirements}
    after = {each["id"]: each for each in new.requirements}
    for name in before.keys() - after.keys():
        yield Change(name, "", Weight.BREAK, f"is gone: {before[name]['sentence']}")
    for name in after.keys() - before.keys():
        yield Change(name, "", Weight.ADDITION, f"is new: {after[name]['sentence']}")
    for name in before.keys() & after.keys():
        was, now = before[name], after[name]
        if was["level"] != now["level"]:
            weaker = now["level"] == "SHOULD"
            weight = Weight.BREAK if weaker else Weight.ADDITION
            yield Change(name, "level", weight, f"{was['level']} becomes {now['level']}")
        if was["class"] != now["class"]:
            yield Change(name, "class", Weight.BREAK, f"it moves from {was['class']} to {now['class']}")
        if was["sentence"].split() != now["sentence"].split():
            words = f"it reads {now['sentence'].strip()!r}, and read {was['sentence'].strip()!r}"
            yield Change(name, "sentence", Weight.WORDS, words)


def _of_steps(old: Version, new: Version) -> Iterator[Change]:
    for here, there in old.steps - new.steps:
        # A client that waits for it waits in vain, but no answer comes that could not come before.
        yield Change("steps of a job", "", Weight.ADDITION, f"{here} is never followed by {there} any more")
    for here, there in new.steps - old.steps:
        yield Change("steps of a job", "", Weight.BREAK, f"{here} may be followed by {there}")


def _of_operations(
    before: Mapping[str, Document], after: Mapping[str, Document], old: Version, new: Version
) -> Iterator[Change]:
    for name in before.keys() - after.keys():
        yield Change(name, "", Weight.BREAK, "the operation is gone")
    for name in after.keys() - before.keys():
        yield Change(name, "", Weight.ADDITION, "the operation is new")
    for name in before.keys() & after.keys():
        was, now = before[name], after[name]
        for what in ("method", "path"):
            if was[what] != now[what]:
                yield Change(name, what, Weight.BREAK, f"{was[what]} becomes {now[what]}")
        yield from _of_parameters(name, was, now, old, new)
        yield from _of_bodies(name, was, now, old, new)
        yield from _of_responses(name, was, now, old, new)


def _of_parameters(name: str, was: Document, now: Document, old: Version, new: Version) -> Iterator[Change]:
    before = {(each["in"], each["name"]): each for each in map(old.resolved, was["parameters"])}
    after = {(each["in"], each["name"]): each for each in map(new.resolved, now["parameters"])}
    for where, what in before.keys() - after.keys():
        yield Change(name, f"{where} {what}", Weight.BREAK, "the parameter is gone")
    for where, what in after.keys() - before.keys():
        wanted = bool(after[where, what].get("required"))
        words = "the parameter is new, and required" if wanted else "the parameter is new"
        yield Change(name, f"{where} {what}", Weight.BREAK if wanted else Weight.ADDITION, words)
    for key in before.keys() & after.keys():
        place = " ".join(key)
        yield from _of_being_required(name, place, before[key], after[key])
        was_facts = facts_of(old, before[key].get("schema", {}))
        yield from _sent(name, place, was_facts, facts_of(new, after[key].get("schema", {})))


def _of_being_required(name: str, place: str, was: Document, now: Document) -> Iterator[Change]:
    if bool(was.get("required")) != bool(now.get("required")):
        wanted = bool(now.get("required"))
        words = "becomes required" if wanted else "may be left out"
        yield Change(name, place, Weight.BREAK if wanted else Weight.ADDITION, words)


def _of_bodies(name: str, was: Document, now: Document, old: Version, new: Version) -> Iterator[Change]:
    before = old.resolved(was.get("requestBody", {}))
    after = new.resolved(now.get("requestBody", {}))
    if not before and not after:
        return
    yield from _of_being_required(name, "body", before, after)
    types = before.get("content", {}), after.get("content", {})
    for kind in types[0].keys() - types[1].keys():
        yield Change(name, "body", Weight.BREAK, f"{kind} is not taken any more")
    for kind in types[1].keys() - types[0].keys():
        yield Change(name, "body", Weight.ADDITION, f"{kind} is taken")
    for kind in types[0].keys() & types[1].keys():
        was_facts = facts_of(old, types[0][kind].get("schema", {}))
        yield from _sent(name, "body", was_facts, facts_of(new, types[1][kind].get("schema", {})))


def _of_responses(name: str, was: Document, now: Document, old: Version, new: Version) -> Iterator[Change]:
    before, after = was.get("responses", {}), now.get("responses", {})
    for status in before.keys() - after.keys():
        # Who was ready for a failure need not be; who waited for a success waits in vain.
        good = str(status).startswith("2")
        words = f"{status} does not come any more"
        yield Change(name, f"answer {status}", Weight.BREAK if good else Weight.ADDITION, words)
    for status in after.keys() - before.keys():
        yield Change(name, f"answer {status}", Weight.BREAK, f"{status} may come")
    for status in before.keys() & after.keys():
        was_answer, now_answer = old.resolved(before[status]), new.resolved(after[status])
        place = f"answer {status}"
        gone = was_answer.get("headers", {}).keys() - now_answer.get("headers", {}).keys()
        for header in gone:
            yield Change(name, place, Weight.BREAK, f"the header {header} is gone")
        for header in now_answer.get("headers", {}).keys() - was_answer.get("headers", {}).keys():
            yield Change(name, place, Weight.ADDITION, f"the header {header} is new")
        types = was_answer.get("content", {}), now_answer.get("content", {})
        for kind in types[0].keys() ^ types[1].keys():
            yield Change(name, place, Weight.BREAK, f"{kind} is {'gone' if kind in types[0] else 'new'}")
        for kind in types[0].keys() & types[1].keys():
            was_facts = facts_of(old, types[0][kind].get("schema", {}))
            yield from _answered(name, place, was_facts, facts_of(new, types[1][kind].get("schema", {})))


def _sent(name: str, place: str, before: Facts, after: Facts) -> Iterator[Change]:
    """Compare what a client may send: to let less pass is a break."""
    for change, more in _narrowed_or_widened(before, after):
        yield Change(name, place + change[0], Weight.ADDITION if more else Weight.BREAK, change[1])


def _answered(name: str, place: str, before: Facts, after: Facts) -> Iterator[Change]:
    """Compare what a client may be answered: to let more pass is a break, but for new members."""
    for change, more in _narrowed_or_widened(before, after):
        new_member = change[1].startswith(_NEW_MEMBER)
        gone = change[1].startswith(_GONE_MEMBER)
        weight = Weight.BREAK if gone or (more and not new_member) else Weight.ADDITION
        yield Change(name, place + change[0], weight, change[1])


_NEW_MEMBER, _GONE_MEMBER = "the member is new", "the member is gone"


def _narrowed_or_widened(before: Facts, after: Facts) -> Iterator[tuple[tuple[str, str], bool]]:
    """Give each difference with its place and words, and whether the new version lets more pass there."""
    for place, word in sorted(before.keys() | after.keys()):
        was, now = before.get((place, word)), after.get((place, word))
        if was == now or _is_of_a_new_place(place, before, after):
            continue
        for words, more in _difference(word, was, now):
            yield (f" {place}" if place else "", words), more
        if word == "members":
            for member in sorted((now or _NOTHING) - (was or _NOTHING)):
                yield (f" {place}/{member}", _NEW_MEMBER), True
            for member in sorted((was or _NOTHING) - (now or _NOTHING)):
                yield (f" {place}/{member}", _GONE_MEMBER), False


def _is_of_a_new_place(place: str, before: Facts, after: Facts) -> bool:
    """Tell whether the member that the place lies in is itself new or gone, which is told once."""
    parts = place.split("/")
    for depth in range(1, len(parts)):
        above, member = "/".join(parts[:depth]), parts[depth].partition("<")[0]
        members = before.get((above, "members"), _NOTHING), after.get((above, "members"), _NOTHING)
        if (member in members[0]) != (member in members[1]):
            return True
    return False


def _difference(word: str, was: Any, now: Any) -> Iterator[tuple[str, bool]]:
    if word in BOUNDS:
        words = f"{word} {_shown(was)} becomes {_shown(now)}"
        yield words, lets_more_pass(word, was, now)
    elif word in {"type", "enum", "alternatives"}:
        yield from _of_choices(word, was, now)
    elif word == "required":
        yield from _of_required(was or _NOTHING, now or _NOTHING)
    elif word == "closed":
        yield ("other members are taken", True) if was else ("other members are refused", False)
    elif word != "members":
        yield f"{word} {_shown(was)} becomes {_shown(now)}", now is None


def _of_choices(word: str, was: Any, now: Any) -> Iterator[tuple[str, bool]]:
    if was is None or now is None:
        yield f"{word} {_shown(was)} becomes {_shown(now)}", now is None
        return
    for value in sorted(now - was):
        yield f"{word} {value} is new", True
    for value in sorted(was - now):
        yield f"{word} {value} is gone", False


def _of_required(was: Set[str], now: Set[str]) -> Iterator[tuple[str, bool]]:
    for member in sorted(now - was):
        yield f"{member} becomes required", False
    for member in sorted(was - now):
        yield f"{member} may be left out", True


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)
