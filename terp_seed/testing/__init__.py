"""Seeded rows for the tests of an application.

``pytest_plugin`` has the fixtures, ``seeded_rows`` finds rows by name, ``seeded_transaction`` seeds
in a transaction that is rolled back, which tests may share that are ``consecutive``, ``databases``
are copies of a template that is seeded once, ``sources`` knows what rows are made from.
"""
