"""What a URL says of a connection to PostgreSQL, whatever driver it names."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

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
    _, _, driver = url.drivername.partition("+")
    if driver not in ("", "psycopg"):
        _tell_driver(driver)
    if driver == "asyncpg" and "ssl" in url.query:
        ssl = url.query["ssl"]
        url = url.difference_update_query(["ssl"]).update_query_dict({"sslmode": ssl})
    if "application_name" not in url.query:
        url = url.update_query_dict({"application_name": "terp_seed"})
    return url.set(drivername="postgresql+psycopg")


@cache
def _tell_driver(driver: str) -> None:
    from terp_seed.settings.log import logger  # not for those who only look

    logger.info(f"the database URL names {driver}; seeds go through psycopg 3 to the same database")
