"""Which rows a revision wrote, and what happened to them since.

``ledger`` keeps ranges and digests, ``selection`` names some rows of a range in SQL, and ``drift``
compares them with the stored rows.  ``changes`` keeps what a revision updated or deleted, and
``later`` lets ``drift`` know of it.  ``derived`` recomputes columns that follow from other rows and
counts broken invariants, and ``audit`` writes and reads the events of every run.
``pinned_files`` finds files that were edited since a revision has read them.
"""
