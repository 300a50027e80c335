"""What a URL says of a connection to PostgreSQL, whatever driver it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from terp_seed.database.dialects.sessions import through_driver

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["connection_options", "through_psycopg"]


def connection_options(url: URL) -> dict[str, Any]:
    """The arguments with which SQLAlchemy has psycopg connect, the password among them."""
    url = through_psycopg(url)
    _, options = url.get_dialect()().create_connect_args(url)
    return dict(options)


def through_psycopg(url: URL) -> URL:
    """The same database through psycopg 3, whatever driver the URL names."""
    if url.drivername.endswith("+asyncpg") and "ssl" in url.query:
        ssl = url.query["ssl"]
        url = url.difference_update_query(["ssl"]).update_query_dict({"sslmode": ssl})
    if "application_name" not in url.query:
        url = url.update_query_dict({"application_name": "terp_seed"})
    return through_driver(url, "psycopg", "psycopg 3")
