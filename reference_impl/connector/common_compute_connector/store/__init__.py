"""What the service remembers: jobs, tasks, parts, keys, results and enrolments in SQL, and the kept bytes.

Functions take a connection and do one thing; `Store` runs them, reads at once and writes through one thread.
"""

from sqlalchemy import Connection

from common_compute_connector.store.engine import Store

__all__ = ["Connection", "Store"]
