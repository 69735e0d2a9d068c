"""One facility's cycle, a module for each thing that is done in it."""

from common_compute_connector.dispatching.cycle import FacilityCycle

__all__ = ["FacilityCycle"]
