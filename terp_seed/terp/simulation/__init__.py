"""Two years of a wholesale business, simulated once for a root seed, as-of day and row counts.

`simulation.Simulation` is the whole of it.  Its parts hold facts by row number; the seeders
describe how these become rows.
"""
