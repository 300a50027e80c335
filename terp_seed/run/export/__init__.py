"""Rows as files for the engines' own loaders, and the ledger of what was loaded.

``selection`` says which tables can be files and with which ids, ``shards`` makes the rows of a
shard, ``csv_files`` and ``parquet_files`` write them, ``manifest`` describes them, ``files`` does
all of it, and ``adopt`` puts on record what was loaded.
"""
