"""Bytes out of the kept content, whole or in part, a chunk at a time."""

from __future__ import annotations

from common_compute_connector.answers import ByteAnswer, Headers
from common_compute_connector.errors import StoreUnavailable
from common_compute_connector.http.byte_ranges import wanted_range
from common_compute_connector.http.request import Request
from common_compute_connector.service import Service

NOSNIFF = ("x-content-type-options", "nosniff")


def kept_bytes(
    service: Service,
    request: Request,
    name: str,
    size: int,
    media_type: str,
    *,
    etag: str | None = None,
    headers: Headers = (),
) -> ByteAnswer:
    """Answer with bytes that are kept under a name.

    Raises:
        RangeNotSatisfiable: the range asked for lies beyond the end.
        StoreUnavailable: they should be there and are not.
    """
    told = [NOSNIFF, *headers]
    if etag is not None:
        told.append(("etag", etag))
    span = None
    if gives_ranges(service, request):
        told.append(("accept-ranges", "bytes"))
        wanted = wanted_range(request.headers.get("range"), request.headers.get("if-range"), etag)
        span = wanted.within(size) if wanted is not None else None
    start, stop = (span.start, span.stop) if span is not None else (0, size)
    try:
        chunks = service.store.content.read(request.job.id, name, start, stop)
    except FileNotFoundError as error:
        raise StoreUnavailable from error
    if span is None:
        return ByteAnswer(200, media_type, size, chunks, told)
    told.append(("content-range", span.content_range(size)))
    return ByteAnswer(206, media_type, len(span), chunks, told)


def gives_ranges(service: Service, request: Request) -> bool:
    """Tell whether parts may be asked for; a facility that is gone takes nothing away from what is kept."""
    facility_id = request.job.facility_id
    return service.facilities.get(facility_id) is None or "ranges" in service.facility_classes(facility_id)
