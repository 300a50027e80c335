"""Which rows a revision wrote, and what happened to them since.

``ledger`` keeps ranges and digests, ``drift`` compares them with the rows that are there,
``audit`` and ``history`` keep every run, ``derived`` recomputes columns that follow from rows.
"""
