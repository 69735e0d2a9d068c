"""The views of batch jobs. What they do is in `batch.jobs`; here it becomes requests and answers."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from rest_framework import generics, permissions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from batch import jobs
from batch.api.problems import ComputeErrors
from batch.api.serializers import (
    CredentialSerializer,
    FacilitySerializer,
    JobRecordSerializer,
    SubmissionSerializer,
    WorkflowSerializer,
)
from batch.api.streaming import pass_on, range_of
from batch.jobs import computing, job_id_of
from batch.models import JobRecord, Workflow

LONGEST_WAIT_SECONDS = 20
"""A request that waits keeps a worker of ESAP's busy."""


class BatchView(ComputeErrors, APIView):
    """What all views here share."""

    permission_classes = (permissions.IsAuthenticated,)

    def record(self, request: Request, pk: Any) -> JobRecord:
        """Find a job of the user's own; another's is not there."""
        return get_object_or_404(JobRecord, pk=pk, owner=request.user)


class SearchFacilities(BatchView, generics.ListAPIView):
    """The facilities as they are now, by a word in their names: `facilities/search?keyword=cta`."""

    serializer_class = FacilitySerializer

    def get_queryset(self) -> list[dict[str, Any]]:
        """Ask the computing service for them."""
        word = self.request.query_params.get("keyword", "").casefold()
        told = ("id", "name", "description", "kind")
        return [
            facility
            for facility in computing().list_facilities()
            if any(word in facility[member].casefold() for member in told)
        ]


class SearchWorkflows(BatchView, generics.ListAPIView):
    """The workflows that ESAP offers, by a word: `workflows/search?keyword=spectrum`."""

    serializer_class = WorkflowSerializer

    def get_queryset(self) -> QuerySet[Workflow]:
        """Find them."""
        word = self.request.query_params.get("keyword", "")
        return Workflow.objects.filter(Q(name__icontains=word) | Q(description__icontains=word))


class Jobs(BatchView, generics.ListCreateAPIView):
    """The user's jobs as they were last seen, newest first; and the place to submit one."""

    serializer_class = JobRecordSerializer

    def get_queryset(self) -> QuerySet[JobRecord]:
        """Find the user's own, by `?state=` those in that state."""
        own = JobRecord.objects.filter(owner=self.request.user)
        state = self.request.query_params.get("state")
        return own.filter(state=state) if state else own

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Submit a job: 201, or 202 where the computing service does not answer and will get it later."""
        del args, kwargs
        asked = SubmissionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        record = jobs.submit(
            owner=request.user,
            workflow=wanted["workflow"],
            facility_id=wanted["facility"],
            items=wanted["items"],
            name=wanted.get("name", wanted["workflow"].name),
            labels=wanted.get("labels", {}),
        )
        submitted = record.state != JobRecord.State.UNSENT
        return Response(
            JobRecordSerializer(record).data,
            status.HTTP_201_CREATED if submitted else status.HTTP_202_ACCEPTED,
            headers={"Location": reverse("batch-job", args=[record.pk], request=request)},
        )


class Job(BatchView):
    """One job: its status, by `?wait_seconds=` after a change; DELETE once it is done with."""

    def get(self, request: Request, pk: Any) -> Response:
        """Look at it, and give it as it is now."""
        record = self.record(request, pk)
        jobs.look(record, _wait_seconds(request))
        return Response(JobRecordSerializer(record).data)

    def delete(self, request: Request, pk: Any) -> Response:
        """Remove it and all that it left."""
        jobs.release(self.record(request, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Cancel(BatchView):
    """POST here so that a job does not go on."""

    def post(self, request: Request, pk: Any) -> Response:
        """Ask for it; the state will show what came of it."""
        record = self.record(request, pk)
        jobs.cancel(record)
        return Response(JobRecordSerializer(record).data, status.HTTP_202_ACCEPTED)


class Tasks(BatchView):
    """The tasks of a job, one for each item, by `?state=failed` those in that state."""

    def get(self, request: Request, pk: Any) -> Response:
        """List them, each with its item."""
        record = self.record(request, pk)
        state = request.query_params.get("state", "")
        tasks = [
            {**task, "item": record.items[task["index"]]}
            for task in computing().list_tasks(job_id_of(record), state)
        ]
        return Response({"count": len(tasks), "results": tasks})


class Results(BatchView):
    """The files that a job produced."""

    def get(self, request: Request, pk: Any) -> Response:
        """List them, each with the address of its bytes."""
        complete, found = computing().list_results(job_id_of(self.record(request, pk)))
        results = [
            {**result, "url": reverse("batch-result", args=[pk, result["id"]], request=request)}
            for result in found
        ]
        return Response({"complete": complete, "count": len(results), "results": results})


class BytesView(BatchView):
    """What answers with a file, whatever types the request says that it accepts."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Never answer 406."""
        del force
        return super().perform_content_negotiation(request, force=True)


class Result(BytesView):
    """The bytes of one result."""

    def get(self, request: Request, pk: Any, result_id: str) -> StreamingHttpResponse:
        """Pass them on, or the range that was asked for."""
        job_id = job_id_of(self.record(request, pk))
        return pass_on(computing().get_result(job_id, result_id, range_of(request)))


class Log(BytesView):
    """What a job's command wrote; of an array, by `?task_index=`, what that task's wrote."""

    def get(self, request: Request, pk: Any, stream: str) -> StreamingHttpResponse:
        """Pass it on, also while the job runs, where the facility can."""
        job_id = job_id_of(self.record(request, pk))
        index = request.query_params.get("task_index")
        return pass_on(computing().get_log(job_id, stream, range_of(request), index))


class Credential(BatchView):
    """ESAP's own credential for a facility: everybody may see how it is, staff sets it up."""

    def get_permissions(self) -> list[permissions.BasePermission]:
        """Let staff alone change it."""
        reads = self.request.method in permissions.SAFE_METHODS
        return [permissions.IsAuthenticated() if reads else permissions.IsAdminUser()]

    def get(self, request: Request, facility_id: str) -> Response:
        """Give its state, and what is to be done next."""
        del request
        return Response(computing().get_credential(facility_id))

    def put(self, request: Request, facility_id: str) -> Response:
        """Set it up."""
        about_us = CredentialSerializer(data=request.data)
        about_us.is_valid(raise_exception=True)
        return Response(computing().put_credential(facility_id, about_us.validated_data))


def _wait_seconds(request: Request) -> int:
    given = request.query_params.get("wait_seconds", "")
    return min(int(given), LONGEST_WAIT_SECONDS) if given.isascii() and given.isdecimal() else 0
