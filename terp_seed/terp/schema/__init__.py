"""The TERP tables for a machine that has no TERP database: ``alembic upgrade head``."""
