"""Copies of a PostgreSQL database, by ``CREATE DATABASE ... TEMPLATE``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects.postgresql_copies import PostgreSQLCopies, lock_key
from terp_seed.database.dialects.sessions import EXACT
from terp_seed.database.dialects.templates import Templates, digest_of_rows, unmarked
from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection

__all__ = ["PostgreSQLTemplates"]

_MARK = "terp_seed_copy"
"""A schema without tables; it travels along with a copy."""
_READY = "a template for tests, made by terp_seed"

_SHAPE = """
WITH own AS (
  SELECT oid, nspname FROM pg_namespace
  WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'terp_seed_copy')
), tables AS (
  SELECT c.oid, nspname, relname, relkind, relpersistence FROM pg_class c
  JOIN own ON own.oid = relnamespace
  WHERE relname NOT LIKE 'terp\\_seed\\_%' AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
)
SELECT * FROM (
  SELECT 'relation' AS kind, nspname AS schema, relname AS name,
    concat(relkind, relpersistence, CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END)
    AS detail FROM tables
  UNION ALL
  SELECT 'column', nspname, relname, concat_ws(' ', attnum, attname, format_type(atttypid,
    atttypmod), attnotnull, attidentity, attgenerated, attcollation, pg_get_expr(adbin, adrelid))
    FROM tables JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE relkind <> 'S'
  UNION ALL
  SELECT 'constraint', nspname, relname, concat_ws(' ', conname, pg_get_constraintdef(c.oid))
    FROM tables JOIN pg_constraint c ON conrelid = tables.oid
  UNION ALL
  SELECT 'index', nspname, relname, pg_get_indexdef(indexrelid)
    FROM tables JOIN pg_index ON indrelid = tables.oid
  UNION ALL
  SELECT 'trigger', nspname, relname, concat(tgenabled, pg_get_triggerdef(t.oid))
    FROM tables JOIN pg_trigger t ON tgrelid = tables.oid AND NOT tgisinternal
  UNION ALL
  SELECT 'routine', nspname, proname, concat(p.oid::regprocedure, prosrc, prorettype::regtype)
    FROM pg_proc p JOIN own ON own.oid = pronamespace
  UNION ALL
  SELECT 'enum', nspname, typname, concat_ws(' ', enumsortorder, enumlabel)
    FROM pg_enum JOIN pg_type t ON t.oid = enumtypid JOIN own ON own.oid = typnamespace
  UNION ALL
  SELECT 'domain', nspname, typname, concat_ws(' ', format_type(typbasetype, typtypmod), typnotnull)
    FROM pg_type JOIN own ON own.oid = typnamespace WHERE typtype = 'd'
  UNION ALL
  SELECT 'extension', '', extname, extversion FROM pg_extension
) shape ORDER BY kind, schema, name, detail
"""
_ORIGIN = """
    SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype, rolname AS owner,
      to_jsonb(d)::text AS details
    FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname = current_database()
"""
_SETTINGS = """
    SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
    WHERE datname = current_database() AND setrole = 0
"""
_LISTS = {
    *("local_preload_libraries", "search_path", "session_preload_libraries"),
    *("shared_preload_libraries", "temp_tablespaces", "unix_socket_directories"),
}
"""Settings whose value is kept as a list of quoted names."""
_PROVIDERS = {"i": "icu", "b": "builtin"}


@dataclass(frozen=True)
class PostgreSQLTemplates(Templates):
    """The server copies the files of a template, to which nothing can connect once it is ready.

    Encoding, locale, owner and settings of the origin (``ALTER DATABASE ... SET``) travel along,
    privileges on the database itself do not.  A copy in use has an advisory lock, which a killed
    process lets go of.
    """

    def shape(self) -> str:
        with self._connected(self.origin.url) as connection:
            return digest_of_rows(connection.exec_driver_sql(_SHAPE, execution_options=EXACT).all())

    @contextmanager
    def lock(self, template: str) -> Iterator[None]:
        key = lock_key(template.rpartition("_")[0])
        self._run(f"SELECT pg_advisory_lock({key})")
        try:
            yield
        finally:
            self._run(f"SELECT pg_advisory_unlock({key})")

    def has(self, template: str) -> bool:
        return template in self._databases(template, ready=True)

    def begin(self, template: str) -> URL:
        if template in self._databases(template) and not self._drop_marked(template):
            raise unmarked(template)
        self._copy_origin(template)
        url = self.origin.url.set(database=template)
        with self._connected(url) as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {_MARK}")
        return url

    def finish(self, template: str) -> None:
        self._run(
            f'ALTER DATABASE "{template}" ALLOW_CONNECTIONS false',
            f"COMMENT ON DATABASE \"{template}\" IS '{_READY}'",
        )

    def abandon(self, template: str) -> None:
        self._drop(template)

    def take(self, template: str) -> URL:
        try:
            name = self._copies.take(template)
        except DBAPIError as error:
            if not self.has(template):
                raise LookupError(template) from None
            raise UsageError(f"the template {template} cannot be copied: {error.orig}") from None
        return self.origin.url.set(database=name)

    def give_back(self, copy: URL) -> None:
        self._copies.give_back(str(copy.database))

    def close(self) -> None:
        if "_copies" in vars(self):
            self._copies.close()
        if "_admin" in vars(self):
            self._admin.close()

    def sweep(self, prefix: str, template: str) -> None:
        ready = self._databases(prefix, ready=True)
        for name in self._databases(prefix):
            if name == template:
                continue
            key = lock_key(name)
            if not self._admin.exec_driver_sql(f"SELECT pg_try_advisory_lock({key})").scalar():
                continue  # it is in use
            with suppress(DBAPIError):  # somebody is connected to it, or has just dropped it
                if name in ready:
                    self._run(f'DROP DATABASE "{name}"')
                else:
                    self._drop_marked(name)
            self._run(f"SELECT pg_advisory_unlock({key})")

    def _copy_origin(self, template: str) -> None:
        origin = self.origin.url.database
        self.origin.dispose()  # what idles in its pool would count as a user
        if not self._in_use():
            with suppress(DBAPIError):  # somebody has connected to it, or it is another user's
                self._run(f'CREATE DATABASE "{template}" TEMPLATE "{origin}"{self._owner}')
                return
        self._run(f'CREATE DATABASE "{template}" TEMPLATE template0{self._locale}{self._owner}')
        url = self.origin.url.set(database=template)
        with self._connected(url) as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {_MARK}")
        self.clients.copy(self.origin.url, url)

    def _in_use(self) -> bool:
        sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = %(name)s"
        values = {"name": self.origin.url.database}
        return bool(self._admin.exec_driver_sql(sql, values).scalar())

    def _databases(self, prefix: str, *, ready: bool = False) -> list[str]:
        """The databases whose name begins so; with ``ready``, the finished templates alone."""
        sql = """
            SELECT datname FROM pg_database WHERE starts_with(datname, %(prefix)s)
            AND (NOT %(ready)s
              OR NOT datallowconn AND shobj_description(oid, 'pg_database') = %(comment)s)
        """
        values = {"prefix": prefix, "ready": ready, "comment": _READY}
        return list(self._admin.exec_driver_sql(sql, values).scalars())

    def _drop_marked(self, name: str) -> bool:
        """Drop a database that is marked, or empty, unless anything is connected to it."""
        sql = (
            f"SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = '{_MARK}') OR NOT EXISTS "
            "(SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema')"
        )
        with self._connected(self.origin.url.set(database=name)) as connection:
            marked = bool(connection.exec_driver_sql(sql, {}).scalar())
        if marked:
            self._run(f'DROP DATABASE IF EXISTS "{name}"')
        return marked

    def _drop(self, name: str) -> None:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
        self._run(end.format(name), f'DROP DATABASE IF EXISTS "{name}"')

    def _run(self, *statements: str) -> None:
        for sql in statements:
            self._admin.exec_driver_sql(sql)

    @contextmanager
    def _connected(self, url: URL) -> Iterator[Connection]:
        engine = self.open(url).execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield connection

    @cached_property
    def _copies(self) -> PostgreSQLCopies:
        return PostgreSQLCopies(self._connect, self._owner, self._settings)

    @cached_property
    def _admin(self) -> Connection:
        return self._connect()

    def _connect(self, database: str | None = None) -> Connection:
        """Connect to a database or, without a name, to one that is not copied, if there is one."""
        for name in [database] if database else ["postgres", self.origin.url.database]:
            engine = self.open(self.origin.url.set(database=name))
            with suppress(DBAPIError):
                return engine.execution_options(isolation_level="AUTOCOMMIT").connect()
        raise UsageError(f"database {self.origin.url.database!r} cannot be reached")

    @cached_property
    def _about_origin(self) -> Any:
        with self._connected(self.origin.url) as connection:
            return connection.exec_driver_sql(_ORIGIN).one()

    @cached_property
    def _owner(self) -> str:
        owner = self._about_origin.owner
        sql = "SELECT pg_has_role(%(owner)s, 'MEMBER')"
        member = self._admin.exec_driver_sql(sql, {"owner": owner}).scalar()
        return f' OWNER "{owner.replace(chr(34), chr(34) * 2)}"' if member else ""

    @cached_property
    def _locale(self) -> str:
        about = self._about_origin
        details = json.loads(about.details)
        words = f" ENCODING '{about.encoding}'"
        words += f" LC_COLLATE '{about.datcollate}' LC_CTYPE '{about.datctype}'"
        provider = _PROVIDERS.get(details.get("datlocprovider"))
        locale = details.get("datlocale") or details.get("daticulocale")
        if provider and locale:
            kind = "ICU" if provider == "icu" else "BUILTIN"
            words += f" LOCALE_PROVIDER {provider} {kind}_LOCALE '{locale}'"
        return words

    @cached_property
    def _settings(self) -> Sequence[str]:
        """The settings of the origin, as ``ALTER DATABASE ... SET`` takes them."""
        with self._connected(self.origin.url) as connection:
            texts = connection.exec_driver_sql(_SETTINGS).scalars().all()
        return [
            f"{name} TO {value}"
            if name in _LISTS
            else f"{name} TO '{value.replace(chr(39), chr(39) * 2)}'"
            for name, _, value in (text.partition("=") for text in texts)
        ]
