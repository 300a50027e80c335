"""What `docs/generate.py` writes, by what it follows from."""
