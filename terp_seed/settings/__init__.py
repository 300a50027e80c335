"""What was asked for: options, sizes, the ini file; the log and the progress line.

``options`` resolves every setting once, into a frozen object whose secrets never print.
"""
