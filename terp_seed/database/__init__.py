"""One engine and one connection: what can be done with a database before any plan.

``dialects`` holds an engine a module, ``session`` the pinned connection, ``lock`` the
advisory lock, ``tables`` the bookkeeping tables, ``schema`` what the live
database says of a table.
"""
