"""What a run will do, known before the first write.

``operations`` is what a revision may say, ``recorder`` runs it without writing, ``run`` makes the
plan for a ``target``, ``preflight`` holds it against the database, ``result`` counts its rows.
"""
