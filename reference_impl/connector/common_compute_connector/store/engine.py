"""Open the database and run work on it: reads at once, writes through one thread with group commit.

SQLite in WAL mode is read on the event loop itself, since a look-up there is faster than a change of
thread; PostgreSQL is read by a few threads. What is queued while a commit runs is committed together next.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self, TypeVar

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from common_compute_connector.clock import Clock
from common_compute_connector.errors import StoreUnavailable
from common_compute_connector.store import migrate
from common_compute_connector.store.changes import Changes, touched
from common_compute_connector.store.content import Content
from common_compute_connector.store.database import Database, open_database
from common_compute_connector.store.listener import CHANNEL, Listener
from common_compute_connector.store.settings import keep_once

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  (an item)

_READERS = 4
_AWAY = (OperationalError, InterfaceError, PoolTimeout)
_GROUP = 256


@dataclass(slots=True)
class _Order:
    """Work for the writer: single work has one item, None; work done together shares one call."""

    work: Callable[..., Any]
    item: Any
    together: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = field(default=None)


class Store:
    """The database and the kept bytes of one service."""

    def __init__(self, database: Database, content: Content, clock: Clock) -> None:
        self._database = database
        self._engine = engine = database.engine
        self.content = content
        self.changes = Changes()
        self.is_shared = engine.dialect.name != "sqlite"
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, "store-reader") if self.is_shared else None
        self._local = threading.local()
        self._opened: list[Connection] = []
        self._listener: Listener | None = None
        self._writer = threading.Thread(target=self._write_orders, name="store-writer", daemon=True)
        self._writer.start()
        self.secret = self._own_secret(clock)
        """The key of digests and page tokens: 32 bytes, made when the database was new."""

    @classmethod
    def open(cls, url: str, content: Path, clock: Clock) -> Self:
        """Open and, where needed, bring to the present schema the database at an SQLAlchemy URL.

        `sqlite:///...` or `postgresql+psycopg://...`; `content` is the directory of the kept bytes.

        Raises:
            ConfigurationError: another process serves this SQLite file.
        """
        database = open_database(url, _READERS)
        migrate.upgrade(database.engine)
        return cls(database, Content(content), clock)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work that only reads; it sees everything that was committed before.

        Raises:
            StoreUnavailable: the database is out of reach.
        """
        try:
            if self._readers is None:
                return work(self._reader())
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._readers, lambda: work(self._reader()))
        except _AWAY as error:
            raise StoreUnavailable from error

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in the writer's next transaction; when this returns it is on disk.

        An exception undoes this work alone and is raised here.

        Raises:
            StoreUnavailable: the database is out of reach, and nothing was written.
        """
        result: T = await self._order(lambda connection, _: work(connection), None, together=False)
        return result

    async def write_together(self, work: Callable[[Connection, Sequence[I]], Sequence[T]], item: I) -> T:
        """Run work that takes many items at once, with the items that others bring at the same time."""
        result: T = await self._order(work, item, together=True)
        return result

    def listen(self) -> None:
        """Begin to hear of changes by other processes; called on the event loop."""
        if self.is_shared and self._listener is None:
            self._listener = Listener(self._engine, asyncio.get_running_loop(), self.changes)

    async def close(self) -> None:
        """Finish what is queued and close the database."""
        self.changes.close()
        if self._listener is not None:
            await asyncio.to_thread(self._listener.close)
        self._orders.put(None)
        await asyncio.to_thread(self._writer.join)
        if self._readers is not None:
            self._readers.shutdown()
        for connection in self._opened:
            connection.close()
        self._database.close()

    def _reader(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed or connection.invalidated:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    async def _order(self, work: Callable[..., Any], item: Any, *, together: bool) -> Any:
        loop = asyncio.get_running_loop()
        order = _Order(work, item, together, loop, loop.create_future())
        self._orders.put(order)
        try:
            return await order.future
        except _AWAY as error:
            raise StoreUnavailable from error

    def _write_orders(self) -> None:
        while (first := self._orders.get()) is not None:
            group = [first]
            ending = False
            while len(group) < _GROUP and not self._orders.empty():
                order = self._orders.get()
                if order is None:
                    ending = True
                    break
                group.append(order)
            self._commit(group)
            if ending:
                return

    def _commit(self, group: list[_Order]) -> None:
        changed: set[str] = set()
        try:
            with self._engine.begin() as connection:
                for run in _runs(group):
                    self._execute(connection, run)
                changed = touched(connection)
                if changed and self.is_shared:
                    notice = orjson.dumps(sorted(changed)).decode()
                    # A notice longer than PostgreSQL's 8000 bytes says only that something changed.
                    message = notice if len(notice) < 7900 else "[]"
                    connection.execute(
                        text("SELECT pg_notify(:channel, :message)"), {"channel": CHANNEL, "message": message}
                    )
        except Exception as error:  # noqa: BLE001  (it is handed to each waiting caller)
            for order in group:
                order.error = order.error or error
        for loop in {order.loop for order in group}:
            mine = [order for order in group if order.loop is loop]
            try:
                loop.call_soon_threadsafe(self._tell, mine, changed)
            except RuntimeError:  # that loop is closed, and nobody waits there any more
                continue

    def _execute(self, connection: Connection, run: list[_Order]) -> None:
        items = [order.item for order in run]
        try:
            with _undone_alone(connection):
                first = run[0]
                if first.together:
                    for order, result in zip(run, first.work(connection, items), strict=True):
                        order.result = result
                else:
                    first.result = first.work(connection, None)
        except Exception as error:  # noqa: BLE001  (it is handed to the waiting caller)
            if len(run) > 1:  # one bad item must not take the others with it
                for order in run:
                    self._execute(connection, [order])
            else:
                run[0].error = error

    def _tell(self, orders: list[_Order], changed: set[str]) -> None:
        self.changes.announce(changed)
        for order in orders:
            if order.future.done():
                continue
            if order.error is not None:
                order.future.set_exception(order.error)
            else:
                order.future.set_result(order.result)

    def _own_secret(self, clock: Clock) -> bytes:
        made = sha256("".join(clock.new_id() for _ in range(3)).encode()).hexdigest()
        with self._engine.begin() as connection:
            return bytes.fromhex(keep_once(connection, "secret", made))


@contextmanager
def _undone_alone(connection: Connection) -> Iterator[None]:
    """Undo what the body did if it raises, and nothing of what was done before in the same transaction.

    Said in the databases' own words, which both understand: SQLAlchemy would compile them anew each time.
    """
    connection.exec_driver_sql("SAVEPOINT one_run")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT one_run")
        raise
    finally:
        connection.exec_driver_sql("RELEASE SAVEPOINT one_run")


def _runs(group: list[_Order]) -> list[list[_Order]]:
    """Put neighbours that can be done together into one list each."""
    runs: list[list[_Order]] = []
    for order in group:
        if runs and order.together and runs[-1][0].together and runs[-1][0].work is order.work:
            runs[-1].append(order)
        else:
            runs.append([order])
    return runs
