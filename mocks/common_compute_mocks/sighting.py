"""What a mocked facility shows of a task at a moment, in the ground's words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from common_compute_connector.jobs import Native
from common_compute_connector.protocol import Part, TaskSeen
from common_compute_mocks.flavours import Flavour
from common_compute_mocks.foresight import Foresight, draw_of
from common_compute_mocks.order import Order
from common_compute_mocks.places import native_id, resolve


def see_task(
    flavour: Flavour, foresight: Foresight, part: Part, order: Order, index: int, at: float
) -> TaskSeen:
    """Look at a task so many seconds after its submission."""
    future = foresight.future(part, order, index)
    moment = future.moment(at)
    number = native_id(flavour, part.key, index, of_array="array" in order.spec)
    seen = TaskSeen(
        index,
        flavour.state_of(moment.native),
        moment.attempt,
        native=Native(number, moment.native, moment.detail),
    )
    span = future.span(moment.attempt)
    if span is not None and span.started <= at:
        where = resolve(flavour, order.spec, draw_of(part, order, index))
        started = order.submitted_at + timedelta(seconds=span.started)
        seen = replace(seen, started_at=started, resolved=where)
    if at < future.ends_at:
        return seen
    finished = span.ended if span is not None else future.ends_at
    return replace(
        seen,
        # What a native state that ends it stands for may be known from elsewhere: DIRAC's Done is any end.
        state=future.ending.state,
        finished_at=order.submitted_at + timedelta(seconds=finished),
        exit_code=future.ending.exit_code,
        signal=future.ending.signal,
        reason=future.ending.reason,
    )
