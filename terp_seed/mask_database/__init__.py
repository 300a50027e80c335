"""Masking in place: a copy of production, restored into staging, is sanitised.

Not part of seeding.  Seeding masks rows on their way in; this masks the rows
that a database holds already.  The rows of our own generators are left alone:
the boundary held them to the reserved ranges.

``run`` masks, block by block; ``leaks`` looks for what is left; ``evidence``
writes down what was done.  What a key masks are pseudonyms, and stay personal
data for whoever holds the key.
"""
