"""Make the tables of workflows and of the records of jobs."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STATES = (
    ("unsent", "not submitted yet, or nobody knows"),
    ("refused", "the submission was refused"),
    ("pending", "Pending"),
    ("queued", "Queued"),
    ("running", "Running"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
    ("gone", "no longer known to the computing service"),
)


class Migration(migrations.Migration):
    """The first tables."""

    initial = True

    dependencies = (migrations.swappable_dependency(settings.AUTH_USER_MODEL),)

    operations = (
        migrations.CreateModel(
            name="Workflow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        primary_key=True, serialize=False, auto_created=True, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("description", models.CharField(max_length=240, blank=True)),
                ("workflowtype", models.CharField(max_length=240, default="container")),
                (
                    "job",
                    models.JSONField(
                        help_text="software, command, outputs, resources: as in a job specification"
                    ),
                ),
            ],
            options={"ordering": ("workflowtype", "name")},
        ),
        migrations.CreateModel(
            name="JobRecord",
            fields=[
                (
                    "id",
                    models.UUIDField(primary_key=True, serialize=False, default=uuid.uuid4, editable=False),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=255)),
                ("facility", models.CharField(max_length=64)),
                ("items", models.JSONField()),
                ("specification", models.JSONField()),
                ("state", models.CharField(max_length=16, choices=STATES, default="unsent", db_index=True)),
                ("job_id", models.CharField(max_length=32, null=True, unique=True)),
                ("job", models.JSONField(default=dict)),
                ("updated_at", models.DateTimeField(null=True)),
                ("etag", models.CharField(max_length=255, blank=True)),
                (
                    "trouble",
                    models.JSONField(null=True, help_text="why the last exchange about it had no success"),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL,
                        related_name="batch_jobs",
                        on_delete=django.db.models.deletion.CASCADE,
                    ),
                ),
                (
                    "workflow",
                    models.ForeignKey(
                        "batch.workflow", null=True, on_delete=django.db.models.deletion.SET_NULL
                    ),
                ),
            ],
            options={"ordering": ("-created", "-id")},
        ),
    )
