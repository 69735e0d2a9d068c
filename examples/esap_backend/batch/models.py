"""What ESAP keeps of batch jobs: the workflows that it offers, and a record of each job that it submitted."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Workflow(models.Model):
    """Something that can be run: a job specification without its facility and its data."""

    name = models.CharField(max_length=100)
    description = models.CharField(max_length=240, blank=True)
    workflowtype = models.CharField(max_length=240, default="container")
    job = models.JSONField(help_text="software, command, outputs, resources: as in a job specification")

    class Meta:
        ordering = ("workflowtype", "name")

    def __str__(self) -> str:
        return str(self.name)


class JobRecord(models.Model):
    """A job of a user of ESAP.

    It is written before the job is submitted, and its id is the submission's idempotency key: whatever breaks
    in between, the same submission can be sent again and makes no second job.
    """

    class State(models.TextChoices):
        """The states of the contract, and three of ESAP's own."""

        UNSENT = "unsent", "not submitted yet, or nobody knows"
        REFUSED = "refused", "the submission was refused"
        PENDING = "pending"
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"
        GONE = "gone", "no longer known to the computing service"

    LIVE = (State.PENDING, State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="batch_jobs")
    created = models.DateTimeField(auto_now_add=True)
    name = models.CharField(max_length=255)
    facility = models.CharField(max_length=64)
    workflow = models.ForeignKey(Workflow, null=True, on_delete=models.SET_NULL)
    # Copies, since ESAP makes all items of a basket anew whenever the basket is saved.
    items = models.JSONField()
    specification = models.JSONField()

    state = models.CharField(max_length=16, choices=State.choices, default=State.UNSENT, db_index=True)
    job_id = models.CharField(max_length=32, null=True, unique=True)
    # The job as last seen, and its time and ETag there.
    job = models.JSONField(default=dict)
    updated_at = models.DateTimeField(null=True)
    etag = models.CharField(max_length=255, blank=True)
    trouble = models.JSONField(null=True, help_text="why the last exchange about it had no success")

    class Meta:
        ordering = ("-created", "-id")

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"
