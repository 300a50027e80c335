"""What a seeder says, before any engine is known.

``model`` is a table of rows, ``columns`` and ``pools`` generate values, ``files`` reads CSV and
JSON, ``seeders`` registers who makes rows, ``literals`` and ``digests`` turn values into text.
"""
