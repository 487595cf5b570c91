"""Opens the ledger's database: where it lies, how SQLite is set, and its migrations."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from digest.errors import StoreError

__all__ = ["Database", "default_url", "upsert"]

# Another process that writes holds the lock for one batch; half a minute outlasts any batch that we write.
BUSY_SECONDS = 30

MIGRATIONS = Path(__file__).with_name("migrations")


def default_url() -> str:
    """The ledger's place by the platform's convention, e.g. ~/.local/share/digest/digest.db on Linux."""
    return f"sqlite:///{user_data_path('digest', appauthor=False) / 'digest.db'}"


class Database:
    """An engine with our rules: write transactions take SQLite's lock at once, reads never block writers (WAL).

    A deferred transaction that turns into a writer fails at once with SQLITE_BUSY_SNAPSHOT, whatever the timeout;
    so `write` begins immediately and `read` never writes.

    Without `create`, a SQLite file that is not there is a StoreError: a mistyped name must not look like a ledger.
    """

    def __init__(self, url: str | Path, *, create: bool = True) -> None:
        self.url = f"sqlite:///{url}" if isinstance(url, Path) else url
        if not create:
            _require_file(self.url)
        self.engine = _engine(self.url)
        try:
            _migrate(self.engine)
        except (OperationalError, DatabaseError) as error:
            raise _unusable(self.url, error) from error

    @property
    def place(self) -> str:
        """Where the ledger lies, fit for a log: the file, or the server's name without user and password."""
        parsed = make_url(self.url)
        if parsed.get_backend_name() == "sqlite":
            return parsed.database or ":memory:"
        return f"{parsed.get_backend_name()}://{parsed.host or ''}/{parsed.database or ''}"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write: all of it or nothing is kept."""
        with _troubles_told(self.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _troubles_told(self.url), self.engine.connect().execution_options(digest_read=True) as connection:
            yield connection

    def check(self) -> str:
        """ "ok", or what SQLite's own integrity check complains of."""
        with self.read() as connection:
            if connection.dialect.name != "sqlite":
                return "ok"
            return str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one program that polls for this ledger; StoreError if another holds it. A death frees it."""
        file = _file(make_url(self.url))
        if file is None:
            yield
            return
        with open(f"{file}.lock", "w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                remedy = "stop it (or `digest run`), or wait for it to end"
                raise StoreError(file, "another Digest is already at work on this ledger", remedy) from error
            yield

    def close(self) -> None:
        self.engine.dispose()


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StoreError(
            "database", "the address is not understood", "write e.g. sqlite:////path/to/digest.db"
        ) from error


def _file(url: URL) -> str | None:
    """The file of a SQLite ledger; None for a server, and for what lives in memory."""
    return url.database if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:") else None


def _require_file(url: str) -> None:
    file = _file(_parsed(url))
    if file is None or file.startswith("file:"):
        return
    if not os.path.exists(file) or not os.path.getsize(file):  # an empty file would become a ledger
        remedy = "run `digest update` first, or name another with --db"
        raise StoreError(file, "there is no ledger there yet", remedy)


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return _server_engine(parsed)
    if (file := _file(parsed)) is not None:
        _make_folder(Path(file))
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _server_engine(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True)
    except (ArgumentError, ImportError) as error:
        problem = f"there is no driver for {url.drivername!r} here"
        raise StoreError(
            "database", problem, "install it beside Digest, or write e.g. sqlite:////path/to/digest.db"
        ) from error


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            str(path), f"its folder cannot be made ({error.strerror})", "name another with --db"
        ) from error
    if not os.access(path.parent, os.W_OK):
        raise StoreError(str(path), "its folder cannot be written to", "name another with --db")


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a mail's row must be durable before the mail leaves
    connection.execute("PRAGMA foreign_keys = ON")


def _on_begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("digest_read")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _troubles_told(url: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        # A damaged file comes as the bare class; its other children are mistakes of ours.
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            raise _unusable(url, error) from error
        raise


def _unusable(url: str, error: DatabaseError) -> StoreError:
    where = make_url(url).database or "database"
    text = str(error.orig)
    if "full" in text:
        return StoreError(where, "the disk is full", "free some space and run again: nothing was half written")
    if "not a database" in text or "malformed" in text:
        return StoreError(where, "this is not a usable database", "restore a copy, or name another with --db")
    if "locked" in text:
        return StoreError(where, "another program holds the database", "wait for it to end, or stop it, and run again")
    return StoreError(where, f"the database cannot be used ({text})", "see `digest doctor`")


def _migrate(engine: Engine) -> None:
    """Brings the tables to the newest revision. The revisions are the numbers that their files begin with."""
    known = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with engine.begin() as connection:
        current = _revision(connection)
        if current == known[-1]:
            return
        if current is not None and current not in known:
            raise StoreError(
                engine.url.database or "database",
                "it was written by a newer Digest",
                "install that version, or name another database with --db",
            )
        # Alembic takes a third of a second to import, and only a ledger that is new or old needs it.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return revision


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT of this dialect that knows ON CONFLICT; SQLite and PostgreSQL spell it alike."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
