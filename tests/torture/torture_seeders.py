"""Seeders of the torture project."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from torture_values import BYTES, DOCUMENTS, FLAGS, TEXTS

from terp_seed import Check, Derived, SeedContext, code, computed, pick, reference, seeder, whole
from terp_seed.rows.model import Column, TableRows

STOCK = Derived(
    "parts",
    {
        "stock": "COALESCE((SELECT SUM(m.qty) FROM moves m WHERE m.part_id = parts.id), 0)",
        "age": "{days:{as_of}:made}",
    },
    still=("touched_at",),
)
NEVER_NEGATIVE = Check(
    "stock is never negative -- not even; in a comment's quote",
    "parts",
    "SELECT id FROM parts WHERE stock < 0",
)


@seeder("makers")
def makers(context: SeedContext) -> list[TableRows]:
    """Makers, with every nasty text among their mottos."""
    start = datetime(2020, 1, 1)
    return [
        context.table(
            "makers",
            rows=context.rows["makers"],
            key=("code",),
            columns={
                "code": code("TORTURE'M%-"),
                "motto": pick(TEXTS),
                "doc": pick(DOCUMENTS),
                "raw": pick(BYTES),
                "rating": whole(-5000, 5000, scale=3),
                "started": computed(
                    lambda span: [start + timedelta(microseconds=37 * w) for w in span.words()]
                ),
                "flag": pick(FLAGS),
            },
        )
    ]


@seeder("parts")
def parts(context: SeedContext) -> list[TableRows]:
    """Parts, each by a maker or by nobody."""
    makers = context.rows["makers"]
    return [
        context.table(
            "parts",
            rows=context.rows["parts"],
            key=("code",),
            columns={
                "code": code("TORTURE-P-"),
                "maker_id": computed(
                    lambda span: [None if w % 5 == 0 else w % makers for w in span.words()],
                    ref="makers",
                    nullable=True,
                ),
                "price": whole(0, 99_999_999, scale=3),
                "doc": Column(
                    lambda span: [
                        {"maker": w % makers, "note": TEXTS[w % len(TEXTS)], "l": [{"maker": 0}]}
                        for w in span.words()
                    ],
                    json_refs={"maker": "makers"},
                ),
                "made": pick([date(2026, 1, 1), date(2025, 12, 31), date(2024, 2, 29)]),
            },
            derived=("stock", "age"),
        )
    ]


@seeder("moves", derives=(STOCK,), checks=(NEVER_NEGATIVE,))
def moves(context: SeedContext) -> list[TableRows]:
    """Movements of parts; what is in stock follows from them."""
    return [
        context.table(
            "moves",
            rows=context.rows["moves"],
            columns={
                "part_id": reference("parts", context.rows["parts"]),
                "qty": whole(0, 9),
                "why": pick(["in", "it's", "50%", "\\", "a\nb", None]),
                "moved_at": pick([datetime(2026, 6, 30, 23, 59, 59), None]),
            },
        )
    ]
