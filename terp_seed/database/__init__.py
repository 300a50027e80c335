"""One engine and one connection: what can be done with a database before any plan.

``dialects`` has a module for each engine, ``session`` opens the pinned connection, ``lock`` takes
the advisory lock, ``turns`` writes the lock row of clusters, ``bookkeeping`` defines the
bookkeeping tables, ``environment_stamp`` reads and writes the stamp, ``consent`` asks a person,
``schema`` reads the live tables, ``names`` knows what was renamed, and ``statements`` executes or
prints a statement.  ``failures`` translates the errors of drivers, ``interrupts`` handles signals.
``compare`` makes a digest of every table, ``copy_structure`` copies tables without rows, and
``autogenerate`` keeps the bookkeeping tables out of an application's migrations.
"""
