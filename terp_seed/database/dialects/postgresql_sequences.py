"""How keys are taken from a sequence that an application draws from at the same time."""

from __future__ import annotations

from terp_seed.database.dialects.values import Values

__all__ = ["advance_sequence", "draw_keys", "reset_sequence"]

_TRIES = 50  # to draw keys that follow one another
_DRAWS = 1_000_000  # in all of them
_GAP = 100_000
_BY_TEXT = r"nextval\(\('(([^']|'')*)'::text\)::regclass\)"
"""A default that names its sequence by a text, so that the catalogue knows of no dependency."""


def draw_keys(engine: Values, table: str, key: str, count: int, highest: str) -> str:
    """A SELECT of the first of ``count`` keys, drawn from the sequence as an application draws.

    ``nextval`` gives each key to one caller and never goes back, so keys that
    follow one another belong to the seeds alone.  Where another program draws
    in between they do not follow one another, and all are drawn again.  (To
    look at the sequence and then move it by ``setval`` would give out a second
    time what was drawn between the two.)

    ``setval`` is called in two cases only.  Rows with keys from elsewhere may
    lie above the sequence: it is moved past them, since the application would
    run into them as well.  And the range may be so large, and another program
    so busy, that no try succeeds: then the range begins 100,000 above the last
    key, more than can be drawn between two calls within one expression.

    A sequence that counts by more than one gives each caller that many keys,
    either up from its value or down from it; the range is free in both cases.
    ``highest`` serves a table without a sequence.
    """
    tries = min(_TRIES, 1 + _DRAWS // count)
    name, column = engine.quote_table(table), engine.quote(key)
    top = f"SELECT COALESCE(MAX({column}), 0)::bigint AS top FROM {name}"
    counter = (
        "SELECT seqrelid::regclass AS seq, abs(seqincrement) AS step FROM pg_sequence "
        f"WHERE seqrelid = {_sequence(engine, table, key)}"
    )
    good = "last.high - last.low = (draws - 1) * step AND last.low > top"
    follows = "number = 0 AND last.low > top"  # and the first key counts
    moved = "WHEN last.high < top THEN setval(seq, top) - top"
    drawing = (
        "SELECT nextval(seq) AS value FROM "
        f"generate_series(1 + CASE {moved} WHEN {follows} THEN 1 ELSE 0 END, draws)"
    )
    return (
        "WITH RECURSIVE\n"
        f"own AS (SELECT seq, step, top, ({count - 2} + step) / step + 1 AS draws "
        f"FROM ({top}) AS held, ({counter}) AS counter),\n"
        "drawn (number, low, high) AS (SELECT 0, value, value FROM "
        "(SELECT nextval(seq) AS value FROM own) AS first\n"
        "UNION ALL SELECT number + 1, keys.low, keys.high FROM drawn AS last, own, LATERAL "
        f"(SELECT LEAST(CASE WHEN {follows} THEN last.low END, MIN(value)) AS low, "
        f"MAX(value) AS high FROM ({drawing}) AS each) AS keys "
        f"WHERE number < {tries} AND NOT ({good}))\n"
        f"SELECT COALESCE((SELECT last.low FROM drawn AS last, own WHERE {good}), (SELECT "
        f"setval(seq, GREATEST(top, nextval(seq)) + {_GAP + count}) - {count - 1} FROM own), "
        f"({highest}))"
    )


def reset_sequence(engine: Values, table: str, key: str) -> str:
    """A SELECT that sets a column's sequence, if it has one, to the key above the highest."""
    top = f"SELECT COALESCE(MAX({engine.quote(key)}), 0) + 1 FROM {engine.quote_table(table)}"
    return (
        f"SELECT setval(seqrelid::regclass, ({top}), false) FROM pg_sequence "
        f"WHERE seqrelid = {_sequence(engine, table, key)}"
    )


def advance_sequence(engine: Values, table: str, key: str) -> str:
    """A SELECT that moves a column's sequence, if it has one, up to the highest key, never back."""
    top = f"SELECT COALESCE(MAX({engine.quote(key)}), 0) FROM {engine.quote_table(table)}"
    return (
        f"SELECT setval(seqrelid::regclass, top) FROM pg_sequence, ({top}) AS held (top) "
        f"WHERE seqrelid = {_sequence(engine, table, key)} "
        "AND top > COALESCE(pg_sequence_last_value(seqrelid), 0)"
    )


def _sequence(engine: Values, table: str, key: str) -> str:
    """An expression of the sequence that a column owns, or that its default calls."""
    name, column = engine.text(engine.quote_table(table)), engine.text(key)
    default = "pg_get_expr(f.adbin, f.adrelid)"
    by_text = f"replace(substring({default} FROM {engine.text(_BY_TEXT)}), '''''', '''')"
    called = (
        f"SELECT COALESCE(d.refobjid, to_regclass({by_text})) FROM pg_attrdef f "
        "JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum "
        "LEFT JOIN (pg_depend d JOIN pg_sequence s ON s.seqrelid = d.refobjid) "
        "ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid "
        "AND d.refclassid = 'pg_class'::regclass "
        f"WHERE f.adrelid = {name}::regclass AND a.attname = {column} LIMIT 1"
    )
    return f"COALESCE(pg_get_serial_sequence({name}, {column})::regclass::oid, ({called}))"
