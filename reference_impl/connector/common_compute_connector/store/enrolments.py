"""What callers have arranged with facilities."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from common_compute_connector.protocol import Enrolment
from common_compute_connector.store.schema import enrolments, from_text, to_text


def find_enrolment(connection: Connection, owner: str, facility_id: str) -> Enrolment | None:
    """Give a caller's enrolment at a facility."""
    mine = enrolments.c.owner == owner, enrolments.c.facility_id == facility_id
    row = connection.execute(select(enrolments).where(*mine)).first()
    return None if row is None else Enrolment(row.owner, from_text(row.document), row.sealed)


def keep_enrolment(connection: Connection, facility_id: str, enrolment: Enrolment) -> None:
    """Keep an enrolment in place of the one before."""
    drop_enrolment(connection, enrolment.owner, facility_id)
    connection.execute(
        insert(enrolments).values(
            owner=enrolment.owner,
            facility_id=facility_id,
            document=to_text(dict(enrolment.document)),
            sealed=enrolment.sealed,
        )
    )


def renew_enrolment(connection: Connection, facility_id: str, held: Enrolment, seen: Enrolment) -> None:
    """Keep what was found out about an enrolment, unless it was withdrawn or put again meanwhile."""
    if find_enrolment(connection, held.owner, facility_id) == held:
        keep_enrolment(connection, facility_id, seen)


def drop_enrolment(connection: Connection, owner: str, facility_id: str) -> None:
    """Forget an enrolment."""
    mine = enrolments.c.owner == owner, enrolments.c.facility_id == facility_id
    connection.execute(delete(enrolments).where(*mine))
