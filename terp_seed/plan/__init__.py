"""What a run will do, known before the first write.

``operations`` is what a revision may say, ``recorder`` runs it without writing, ``run`` makes the
plan, ``preflight`` and ``key_conflicts`` hold it against the database.
"""
