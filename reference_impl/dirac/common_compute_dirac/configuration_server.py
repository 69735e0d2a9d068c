"""What DIRAC's configuration server says: asked beside everything else, and now and then again."""

from __future__ import annotations

import asyncio

from common_compute_connector.clock import Clock
from common_compute_connector.protocol import Document
from common_compute_dirac import describe
from common_compute_dirac.settings import Settings
from common_compute_dirac.worker import DiracRefused, DiracUnreachable, Worker

_ASK_AGAIN_SECONDS = 600.0
_PATIENCE_SECONDS = 20.0
"""How long the first description waits for DIRAC before it tells what the settings say."""


class ConfigurationServer:
    """What is known from it; `facts` is None until it has answered for the first time."""

    def __init__(self, settings: Settings, worker: Worker, clock: Clock) -> None:
        self.facts: describe.Facts | None = None
        self._settings = settings
        self._worker = worker
        self._clock = clock
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._trouble = ""

    async def document(self) -> Document:
        """Give the facility document, by what is known by now."""
        now = self._clock.elapsed()
        if self._asking is None and (self.facts is None or now - self._asked_at > _ASK_AGAIN_SECONDS):
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask())
        if self._asking is not None and self.facts is None:
            await asyncio.wait({self._asking}, timeout=_PATIENCE_SECONDS)
        document = describe.facility_document(self._settings, self.facts)
        if self.facts is None:
            message = self._trouble or "DIRAC's configuration server has not answered yet."
            return {**document, "status": {"state": "unavailable", "message": message}}
        return document

    async def _ask(self) -> None:
        try:
            told = await self._worker.call(
                "describe", {"vo": self._settings.vo}, deadline_seconds=self._settings.call_seconds
            )
            self.facts = describe.read_facts(told)
        except (DiracUnreachable, DiracRefused) as error:
            self._trouble = error.detail
        except (KeyError, TypeError, ValueError) as error:
            self._trouble = f"DIRAC's configuration cannot be understood ({type(error).__name__}: {error})"
        finally:
            self._asking = None

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
