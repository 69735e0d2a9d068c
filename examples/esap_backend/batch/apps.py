"""Make `batch` known to Django."""

from django.apps import AppConfig


class BatchConfig(AppConfig):
    """The app of batch jobs."""

    name = "batch"
    default_auto_field = "django.db.models.BigAutoField"
