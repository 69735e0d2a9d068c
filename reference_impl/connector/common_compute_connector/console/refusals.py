"""What a page of the console refuses: by the API's problem, or by the console's own rules.

RefusedByApi    the API answered with a problem
RefusedHere     a form or an address that is none of the console's
"""

from __future__ import annotations

from common_compute_connector.console.api import ApiAnswer


class RefusedByApi(Exception):
    """The API did not do what a page stands on; its answer says why."""

    def __init__(self, answer: ApiAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class RefusedHere(Exception):
    """The console itself refuses, with a status and a sentence for the visitor."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


def demanded(answer: ApiAnswer) -> ApiAnswer:
    """Let through what the API did.

    Raises:
        RefusedByApi: it did not do it.
    """
    if not answer.fine:
        raise RefusedByApi(answer)
    return answer
