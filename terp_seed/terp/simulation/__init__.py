"""Two years of a wholesale business, simulated once for a root seed, as-of day and row counts.

``world`` is the whole of it; the seeders turn it into rows.
"""
