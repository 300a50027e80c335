"""Versioned data for Alembic."""
