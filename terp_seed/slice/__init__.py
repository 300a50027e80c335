"""A slice: a small, whole, masked piece of a large database, as rows somewhere else.

The one room that may read production, and it never writes there.

``request`` says what was asked for; ``snapshot`` reads one state of the source, ``references``
knows what refers to what, ``roots`` finds the rows to begin with, and ``closure`` takes all that
they need, with the keys in ``keys``.  ``plan`` counts them, ``mask`` says how each table is masked,
``order`` which comes first, ``rows`` makes masked blocks, and ``risk`` counts who can be singled
out.  ``run`` passes the blocks on to one of the ``targets``, which ``choice`` chooses.
"""
