"""Bring the records of all jobs up to date: `manage.py refresh_jobs`, once a minute, say."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from batch import jobs
from batch.common_compute import ComputeError


class Command(BaseCommand):
    """Submit what could not be submitted yet, and look at what changed."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it once."""
        del args, options
        try:
            done = jobs.refresh()
        except ComputeError as error:
            raise CommandError(f"{error.detail} What is known stays as it is until the next run.") from error
        self.stdout.write(f"{done.submitted} submitted, {done.changed} changed, {done.gone} gone")
