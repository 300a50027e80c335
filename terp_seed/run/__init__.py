"""The run itself, against a database (``live``) or printed (``script``).

``executor`` executes one revision, ``writer`` inserts its rows, which ``renderer`` turns into
statements, while ``prefetch`` makes the next ones, ``changes`` updates and deletes rows,
``restorer`` puts those back, ``rollback`` removes rows once ``dependents`` has found what refers to
them and ``recognise`` whose key has changed, and ``backup`` saves them first; ``scripted_rollback``
prints it.  ``dry_run`` counts what would happen, with ``differences`` of rows that are there,
``plan_file`` holds a run to a reviewed plan, and ``ledger_rebuild`` rebuilds a lost ledger from
what ``row_search`` finds.  ``export`` writes rows as files for the engines' loaders, and adopts
what was loaded.  ``others`` are rows that no seed inserted, for a reset.
"""
