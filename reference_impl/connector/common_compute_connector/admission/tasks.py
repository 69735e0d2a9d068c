"""What array parameters make of a specification's texts, task by task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from common_compute_connector.admission.offer import Offer
from common_compute_connector.admission.sound import Sound
from common_compute_connector.plan import placeholders, replaced

OWN_NAMES = ("CC_TASK_INDEX", "CC_TASK_COUNT")


class Tasks:
    """The tasks of a job; one that is no array has a single task, and nothing is replaced in it."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._is_array = sound.array is not None
        self.names = {*sound.parameters[0], *OWN_NAMES} if sound.parameters else set(OWN_NAMES)

    def can_be_seen(self, text: str, offer: Offer) -> bool:
        """Tell whether what each task sees of a text can be looked at."""
        return not self.varies(text) or self.are_few_and_alike(offer)

    def are_few_and_alike(self, offer: Offer) -> bool:
        """Tell whether the tasks are not too many for the facility, each with every name."""
        names = self._sound.parameters[0].keys() if self._sound.parameters else set[str]()
        return self._sound.task_count <= offer.limits["max_array_tasks"] and all(
            parameters.keys() == names for parameters in self._sound.parameters
        )

    def unknown(self, text: str) -> list[str]:
        """Name the placeholders of a text that nothing stands for."""
        return [name for name in placeholders(text) if name not in self.names] if self._is_array else []

    def varies(self, text: str) -> bool:
        """Tell whether tasks may see different texts."""
        return self._is_array and bool(placeholders(text))

    def each(self, text: str) -> Iterator[str]:
        """Give what each task sees of a text, in order; one if all see the same."""
        if not self.varies(text):
            yield text
            return
        for index in range(self._sound.task_count):
            yield replaced(text, self.values(index))

    def values(self, index: int) -> Mapping[str, str]:
        """Give what stands for each name in one task."""
        own = {"CC_TASK_INDEX": str(index), "CC_TASK_COUNT": str(self._sound.task_count)}
        parameters = self._sound.parameters
        return {**parameters[index], **own} if parameters else own

    def largest_environment(self) -> int:
        """Count the bytes of names and values in the environment of the task that has most of them."""
        fixed, uses = 0, Counter[str]()
        for name, value in self._sound.environment.items():
            found = placeholders(value) if self._is_array else []
            fixed += _bytes(name) + _bytes(value) - sum(_bytes(one) + 4 for one in found)
            uses.update(found)
        if not self._sound.parameters and not uses:
            return fixed
        return fixed + max(self._varying(index, uses) for index in range(self._sound.task_count))

    def _varying(self, index: int, uses: Counter[str]) -> int:
        values = self.values(index)
        own = self._sound.parameters[index] if self._sound.parameters else {}
        return sum(_bytes(values[name]) * count for name, count in uses.items()) + sum(
            _bytes(name) + _bytes(value) for name, value in own.items()
        )


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8"))
