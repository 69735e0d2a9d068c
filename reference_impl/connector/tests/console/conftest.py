"""Visit the console of the services that the tests of HTTP run, as a browser would."""

import html
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

_HOUSES = Path(__file__).parents[1] / "http" / "conftest.py"
_found = importlib.util.spec_from_file_location("console_tests_houses", _HOUSES)
assert _found is not None
assert _found.loader is not None
_houses = importlib.util.module_from_spec(_found)
sys.modules[_found.name] = _houses  # dataclasses look for the module that they are made in
_found.loader.exec_module(_houses)

make_house, house, guarded = _houses.make_house, _houses.house, _houses.guarded
hand, spec = _houses.hand, _houses.spec


class Visitor:
    """One browser at one house: keeps cookies, and sends the mark of the page that it has seen last."""

    def __init__(self, house: Any, scheme: str = "http", host: str = "service.example") -> None:
        self.house = house
        transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=("192.0.2.1", 1))
        self.client = httpx.AsyncClient(transport=transport, base_url=f"{scheme}://{host}")
        self.mark = ""

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        """Open a page."""
        return self.ask("GET", path, **arguments)

    def post(self, path: str, /, headers: Any = None, **fields: str) -> httpx.Response:
        """Send a form with the mark of the last page."""
        return self.ask("POST", path, data={"mark": self.mark, **fields}, headers=headers)

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send any request."""
        response: httpx.Response = self.house.run(self.client.request(method, path, **arguments))
        found = re.search(r'name="mark" value="([^"]+)"', response.text)
        if found is not None:
            self.mark = found[1]
        return response

    def sign_in(self, token: str, **fields: str) -> httpx.Response:
        """Open the first page, and give a token there."""
        self.get("/")
        return self.post("/console/sign-in", token=token, **fields)

    def close(self) -> None:
        """Close the browser."""
        self.house.run(self.client.aclose())


@pytest.fixture
def visit(make_house: Any) -> Any:
    """Make visitors of a house; their browsers are closed before the house is."""
    made: list[Visitor] = []

    def make(house: Any, **arguments: Any) -> Visitor:
        made.append(Visitor(house, **arguments))
        return made[-1]

    yield make
    for visitor in made:
        visitor.close()


@pytest.fixture
def visitor(house: Any, visit: Callable[..., Visitor]) -> Visitor:
    """Give a visitor of the open house."""
    return visit(house)


@pytest.fixture
def words_of() -> Callable[[httpx.Response], str]:
    """Give what a page says: its text without the markup, blanks joined."""

    def words(response: httpx.Response) -> str:
        text = re.sub(r"<(script|head|style)\b.*?</\1>|<[^>]*>", " ", response.text, flags=re.DOTALL)
        return re.sub(r"\s+", " ", html.unescape(text))

    return words
