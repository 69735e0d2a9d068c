"""What Prometheus may ask: requests, jobs, submissions, observing cycles, facilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client import Counter as PrometheusCounter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from common_compute_connector.errors import StoreUnavailable
from common_compute_connector.service import Service
from common_compute_connector.store.jobs import count_states

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = CollectorRegistry()
        self._requests = PrometheusCounter(
            "common_compute_requests", "Requests.", ["operation", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "common_compute_request_seconds",
            "How long a request took.",
            ["operation"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._children = lru_cache(maxsize=1024)(self._made)
        self._jobs: dict[str, int] = {}
        self._registry.register(self)

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Count one request."""
        requests, duration = self._children(operation, status)
        requests.inc()
        duration.observe(seconds)

    async def text(self) -> bytes:
        """Write everything as Prometheus reads it."""
        try:
            self._jobs = await self._service.store.read(count_states)
        except StoreUnavailable:
            self._jobs = {}
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Give what is counted elsewhere (the interface of a collector)."""
        jobs = GaugeMetricFamily("common_compute_jobs", "Jobs in the store.", labels=["state"])
        for state, count in self._jobs.items():
            jobs.add_metric([state], count)
        submissions = CounterMetricFamily(
            "common_compute_submissions", "Parts handed to facilities.", labels=["facility", "outcome"]
        )
        cycles = CounterMetricFamily("common_compute_cycles", "Observing cycles.", labels=["facility"])
        for cycle in self._service.dispatcher:
            for outcome, count in Counter(cycle.outcomes).items():
                submissions.add_metric([cycle.known.id, outcome], count)
            cycles.add_metric([cycle.known.id], cycle.cycles)
        up = GaugeMetricFamily(
            "common_compute_facility_up", "Whether the facility answers.", labels=["facility"]
        )
        for known in self._service.facilities:
            up.add_metric([known.id], 0 if known.trouble is not None else 1)
        yield from (jobs, submissions, cycles, up)

    def _made(self, operation: str, status: int) -> tuple[PrometheusCounter, Histogram]:
        return self._requests.labels(operation, str(status)), self._seconds.labels(operation)
