"""How fast seeding is, against its floor and against what a user would run instead.

See docs/speed.md; `tests/benchmarks/run` is the command.
"""
