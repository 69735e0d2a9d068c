"""Set up the Django of the example, with tables in memory, and give short words for what its front end does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import django
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import override_settings, setup_test_environment, teardown_test_environment

BACKEND = Path(__file__).parents[1]


@contextmanager
def as_it_was(*names: str) -> Iterator[None]:
    """Leave the environment and the time zone of the process as they were; Django's settings change both."""
    before = {name: os.environ.pop(name, None) for name in names}
    yield
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    time.tzset()


sys.path.insert(0, str(BACKEND))
with as_it_was("DJANGO_SETTINGS_MODULE", "TZ", "COMMON_COMPUTE_URL", "COMMON_COMPUTE_TOKEN"):
    os.environ["DJANGO_SETTINGS_MODULE"] = "esap.settings"
    django.setup()

# Only now Django can be asked for more.
from batch import common_compute, jobs  # noqa: E402
from batch.models import JobRecord, Workflow  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

ITEM = {"archive": "rucio", "record": {"scope": "cta", "name": "Müon-Läufe_été_2041.fits", "bytes": 20480}}

WORKFLOWS = {"rosetta": 1, "dirac": 2}


@pytest.fixture(scope="session")
def django_tables() -> Iterator[None]:
    """Make the tables, by the migrations, in memory."""
    setup_test_environment()
    before = connection.creation.create_test_db(verbosity=0)
    yield
    connection.creation.destroy_test_db(before, verbosity=0)
    teardown_test_environment()


class Esap:
    """ESAP, its computing service, and its front end; `anna` and `bert` are users, `boss` is staff."""

    def __init__(self, mock: Any) -> None:
        self.mock = mock
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        """Let a pause of the connector's pass at the mock."""
        self.pauses.append(seconds)
        self.mock.advance(seconds)

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[None]:
        """Let ESAP have other settings."""
        with override_settings(**settings):
            yield
            jobs.computing().close()

    def user(self, name: str = "anna") -> Any:
        """Give a user; `boss` is staff."""
        return get_user_model().objects.get_or_create(username=name, is_staff=name == "boss")[0]

    def send(self, method: str, path: str, data: Any = None, *, name: str = "anna", **headers: str) -> Any:
        """Send a request to a path below `batch/`, and give the answer."""
        client = APIClient()
        client.force_authenticate(self.user(name))
        body = {} if data is None else {"data": data, "format": "json"}
        named = {header.replace("_", "-"): value for header, value in headers.items()}
        return getattr(client, method)(f"/esap-api/batch/{path}", headers=named, **body)

    def get(self, path: str, **options: Any) -> Any:
        """Give what a GET gives."""
        answer = self.send("get", path, **options)
        assert 200 == answer.status_code, answer.content
        return answer.json()

    def ask(self, facility: str = "rosetta", *items: Any, scenario: str = "", **more: Any) -> Any:
        """Ask for a job as the front end does, and give the answer."""
        asked = {"facility": facility, "workflow": WORKFLOWS.get(facility), "items": items or [ITEM], **more}
        if scenario:
            asked["labels"] = {"mock.scenario": scenario}
        return self.send("post", "jobs/", asked)

    def submit(self, facility: str = "rosetta", *items: Any, **options: Any) -> dict[str, Any]:
        """Submit a job that is taken at once."""
        answer = self.ask(facility, *items, **options)
        assert 201 == answer.status_code, answer.content
        record: dict[str, Any] = answer.json()
        return record

    def look(self, record: Mapping[str, Any], wait_seconds: int = 0) -> dict[str, Any]:
        """Look at a job as the front end does."""
        waiting = f"?wait_seconds={wait_seconds}" if wait_seconds else ""
        job: dict[str, Any] = self.get(f"jobs/{record['id']}/{waiting}")
        return job

    def until(self, record: Mapping[str, Any], state: str) -> dict[str, Any]:
        """Look, waiting for changes, until a job is in a state."""
        for _ in range(100):
            job = self.look(record, wait_seconds=20)
            if job["state"] == state:
                return job
        pytest.fail(f"the job was never {state}: {job}")

    def file(self, record: Mapping[str, Any], path: str, **headers: str) -> tuple[Any, bytes]:
        """Open a file of a job; give the answer, and the bytes."""
        answer = self.send("get", f"jobs/{record['id']}/{path}", **headers)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        answer.close()
        return answer, content

    def results(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """List the results of a job."""
        listed: dict[str, Any] = self.get(f"jobs/{record['id']}/results/")
        return listed

    def jobs_there(self) -> int:
        """Count the jobs of which the computing service knows."""
        return len(list(jobs.computing().list_jobs()))

    def posts(self) -> list[Any]:
        """Give the submissions that the computing service got."""
        return [sent for sent in self.mock.sent if ("POST", "/v1/jobs") == (sent.method, sent.path)]

    def refresh(self) -> str:
        """Run `manage.py refresh_jobs`, and give what it prints."""
        out = StringIO()
        call_command("refresh_jobs", stdout=out)
        return out.getvalue().strip()


@pytest.fixture
def esap(mock: Any, django_tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Esap]:
    """Give an ESAP whose settings name the mock, without users or jobs."""
    esap = Esap(mock)
    monkeypatch.setattr(common_compute, "sleep", esap.pause)
    with esap.configured(COMMON_COMPUTE_URL=mock.url, COMMON_COMPUTE_TOKEN=mock.tokens.get("anna", "")):
        call_command("loaddata", "workflows", verbosity=0)
        yield esap
    common_compute.connect.cache_clear()
    JobRecord.objects.all().delete()
    Workflow.objects.all().delete()
    get_user_model().objects.all().delete()
