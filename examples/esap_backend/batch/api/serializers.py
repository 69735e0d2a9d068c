"""What the front end sends and gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from batch.basket import NotAnItem, read_item
from batch.models import JobRecord, Workflow

_STATE = JobRecord.State

UWS_PHASES = {
    _STATE.UNSENT: "QUEUED",
    _STATE.REFUSED: "ERROR",
    _STATE.PENDING: "QUEUED",
    _STATE.QUEUED: "QUEUED",
    _STATE.RUNNING: "EXECUTING",
    _STATE.SUCCEEDED: "COMPLETED",
    _STATE.FAILED: "ERROR",
    _STATE.CANCELLED: "ABORTED",
    _STATE.GONE: "UNKNOWN",
}
"""What the Universal Worker Service, which ESAP uses for its queries, calls the states."""


class FacilitySerializer(serializers.Serializer):
    """A facility as ESAP's other lists show one, with what a form needs to know on top."""

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """Give the row of a facility document."""
        runtimes = instance["container_runtimes"]
        return {
            "id": instance["id"],
            "name": instance["name"],
            "description": instance["description"],
            "facilitytype": instance["kind"],
            "runtimeengine": runtimes[0]["name"] if runtimes else "none",
            "status": instance["status"],
            "conforms_to": instance["conforms_to"],
            "credential": instance["credential"],
            "limits": instance["limits"],
        }


class WorkflowSerializer(serializers.ModelSerializer):
    """A workflow."""

    class Meta:
        model = Workflow
        fields = ("id", "name", "description", "workflowtype", "job")


class BasketItemField(serializers.Field):
    """An item of the shopping basket, in any of its forms."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Read it."""
        try:
            return read_item(data)
        except NotAnItem as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Give it as it is kept."""
        return value


class SubmissionSerializer(serializers.Serializer):
    """A job as a user asks for it."""

    facility = serializers.CharField(max_length=64)
    workflow = serializers.PrimaryKeyRelatedField(queryset=Workflow.objects.all())
    items = serializers.ListField(child=BasketItemField(), min_length=1, max_length=1000)
    name = serializers.CharField(max_length=255, required=False)
    labels = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)


class CredentialSerializer(serializers.Serializer):
    """What a facility may want to know of us; its instructions say what."""

    account = serializers.CharField(required=False)
    subject = serializers.CharField(required=False)
    group = serializers.CharField(required=False)


SEEN = ("state", "phase", "stale", "trouble", "job")
"""What changes in the life of a job."""


class JobRecordSerializer(serializers.ModelSerializer):
    """A job: `job` is what the computing service last said of it, with reason, native state and history."""

    phase = serializers.SerializerMethodField()
    stale = serializers.SerializerMethodField()

    class Meta:
        model = JobRecord
        fields = ("id", "name", "facility", "workflow", "items", "created", *SEEN)

    def get_phase(self, record: JobRecord) -> str:
        """Give the phase of UWS."""
        return UWS_PHASES.get(record.state, "UNKNOWN")

    def get_stale(self, record: JobRecord) -> bool:
        """Tell whether the facility has been silent of the job for long."""
        return bool(record.job.get("stale", False))
