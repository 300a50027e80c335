"""What a run will do, known before the first write.

``chain`` reads the revisions and finds the steps of a run, ``operations`` defines what a revision
may call, ``recorder`` calls it without writing, ``renaming`` reads what became of tables and
columns, and ``sql_guard`` refuses other SQL.  ``fold`` adds up the rows that earlier revisions
give, which ``changes`` compares new values with.  ``plan`` holds the result and counts its rows,
``run`` makes a `Run` for a database or a script, ``schema_stream`` knows which schema it needs,
``preflight`` compares it with the live schema, ``value_checks`` looks at imported values,
``key_conflicts`` at the rows that are there, and ``transaction_size`` at what the server takes.
"""
