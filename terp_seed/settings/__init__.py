"""What was asked for, and what is said about it.

``options`` resolves every setting once, into a frozen object whose secrets never print; ``log``
has the log and the progress line.
"""
