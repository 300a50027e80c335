"""Where a slice goes: another database, a script, or a seed revision with frozen rows.

A ``target`` gets masked blocks, table after table, and keeps nothing unless all of them came.
``statements`` makes INSERTs of them, for a ``database`` or a ``script``; ``revision`` writes files,
with ``natural_keys`` in the place of ids.
"""
