"""The engines: one small module each."""

from terp_seed.dialects.base import Dialect, Lock, dialect_named

__all__ = ["Dialect", "Lock", "dialect_named"]
