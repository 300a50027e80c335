"""What a seeder says, before any engine is known.

``model`` describes a table of rows, ``columns`` generates values, ``pools`` knows the
project's invented words, ``seeders`` registers what makes
rows, ``files`` reads CSV and JSON with the types of ``file_types``, ``imported`` makes a table of
given rows, ``renamed`` gives them the names of today, ``literals`` turns values into text,
``fields`` into fields of CSV, and ``merge`` merges JSON documents key by key.
"""
