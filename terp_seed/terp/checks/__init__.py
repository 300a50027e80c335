"""What holds between TERP's rows: declared checks, derived columns, measured distributions."""
