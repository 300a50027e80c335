"""Masking in place: a copy of production, restored into staging, is sanitised.

Not part of seeding.  Seeding masks rows on their way in; this masks the rows
that a database holds already.  Generated rows are left alone:
the boundary held them to the reserved ranges.

``proposals`` writes and reviews a policy for a schema.
``run`` masks a database, as ``plan`` says, once ``rehearsal`` has found that it can be;
``neutralise`` carries out what the policy wants done before, ``corrections`` finds what a corrected
policy changes, ``seeded`` which rows are left alone, ``blocks`` reads and writes rows, ``spool``
keeps what the rehearsal has masked, ``childkeys`` makes indexes for cascades, ``triggers`` finds
what triggers write meanwhile, ``referred`` names of other rows that texts lose, ``progress``
records how far it has come, and ``originals`` remembers digests of the original values.
``leaks`` searches for what is left, ``risk`` counts who
can be singled out, and ``evidence`` reports what was done.  What a key masks are pseudonyms, and
stay personal data for whoever holds the key.
"""
