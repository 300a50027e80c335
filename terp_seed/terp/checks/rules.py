"""The invariants that seeded rows keep, each as SQL that finds what breaks it.

The first are TERP's own executable ones (``scripts/qa/invariant-checks.ts``,
with their names), the others its documented ones (``TRUTH_MODEL.md``), those
of its state machines, and the order of time.  Sums come from grouped
sub-selects, so that each check reads a table a few times at most; amounts are
compared with a tolerance of less than half a cent.
"""

from __future__ import annotations

from terp_seed.rows.seeders import Check

__all__ = [
    "BATCHES",
    "CATALOGUE",
    "CENT",
    "CLIENTS",
    "INVENTORY",
    "STATUS",
    "differs",
    "orphans",
    "twice",
]

CENT = "0.004"
"""More than floating point adds up to, less than half a cent."""


def orphans(table: str, column: str, target: str, *, may_be_null: bool = False) -> Check:
    """Rows whose reference, which has no constraint, leads nowhere."""
    null = f" AND {{r.{column}}} IS NOT NULL" if may_be_null else ""
    return Check(
        f"{table}.{column} leads to a row of {target}",
        table,
        f"SELECT r.id FROM {{{table}}} r LEFT JOIN {{{target}}} t ON t.id = {{r.{column}}}"
        f" WHERE t.id IS NULL{null}",
    )


def differs(one: str, other: str) -> str:
    """A condition: two amounts are not the same."""
    return f"ABS({one} - {other}) > {CENT}"


def twice(table: str, columns: str, what: str) -> Check:
    """Rows that share what only one may have."""
    keys = columns.split(", ")
    listed = ", ".join(f"{{{key}}}" for key in keys)
    match = " AND ".join(f"{{d.{key}}} = {{r.{key}}}" for key in keys)
    return Check(
        what,
        table,
        f"SELECT r.id FROM {{{table}}} r JOIN (SELECT {listed} FROM {{{table}}}"
        f" GROUP BY {listed} HAVING COUNT(*) > 1) d ON {match}",
    )


CATALOGUE = (
    orphans("products", "brandId", "brands"),
    orphans("products", "strainId", "strains", may_be_null=True),
    twice("products", "nameCanonical", "no two products have one name"),
)

CLIENTS = (
    Check(
        "CLI-001 a client with a supplier profile is a seller",
        "supplier_profiles",
        "SELECT p.id FROM supplier_profiles p JOIN clients c ON c.id = p.client_id"
        " WHERE c.is_seller IS NOT TRUE",
    ),
    Check(
        "a seller has a supplier profile",
        "clients",
        "SELECT c.id FROM clients c LEFT JOIN supplier_profiles p ON p.client_id = c.id"
        " WHERE c.is_seller AND p.id IS NULL",
    ),
    orphans("supplier_profiles", "legacy_vendor_id", "vendors", may_be_null=True),
    orphans("clients", "referred_by_client_id", "clients", may_be_null=True),
    Check(
        "a client joined after the one who sent it",
        "clients",
        "SELECT c.id FROM clients c JOIN clients r ON r.id = c.referred_by_client_id"
        " WHERE c.created_at < r.created_at",
    ),
    Check(
        "credit is for buyers, and a limit set by hand has a reason",
        "clients",
        "SELECT id FROM clients WHERE credit_limit < 0 OR (NOT is_buyer AND credit_limit > 0)"
        " OR ({creditLimitSource} = 'MANUAL') <> (credit_limit_override_reason IS NOT NULL)",
    ),
)

_ORIGINS = (
    orphans("batches", "productId", "products"),
    orphans("batches", "lotId", "lots"),
    orphans("lots", "vendorId", "vendors"),
    Check(
        "lots come from sellers who were clients by then",
        "lots",
        "SELECT l.id FROM lots l JOIN clients c ON c.id = l.supplier_client_id"
        " WHERE c.is_seller IS NOT TRUE OR l.date < c.created_at",
    ),
    Check(
        "a lot's vendor is its supplier's",
        "lots",
        "SELECT l.id FROM lots l JOIN supplier_profiles p ON p.client_id = l.supplier_client_id"
        " WHERE p.legacy_vendor_id <> {l.vendorId}",
    ),
    Check(
        "a batch came in with its lot or after it",
        "batches",
        "SELECT b.id FROM batches b JOIN lots l ON l.id = {b.lotId} WHERE {b.createdAt} < l.date",
    ),
    Check(
        "FIXED cost has a cost, RANGE has a least and a greatest",
        "batches",
        "SELECT id FROM batches WHERE ({cogsMode} = 'FIXED' AND COALESCE({unitCogs}, 0) <= 0)"
        " OR ({cogsMode} = 'RANGE' AND ({unitCogsMin} IS NULL OR {unitCogsMax} IS NULL"
        " OR {unitCogsMin} >= {unitCogsMax}))",
    ),
)

STATUS = (
    Check(
        "no product name is on two live batches",
        "batches",
        "SELECT b.id FROM batches b JOIN products p ON p.id = {b.productId}"
        " JOIN (SELECT {q.nameCanonical} FROM batches d JOIN products q ON q.id = {d.productId}"
        " WHERE {d.batchStatus} = 'LIVE' AND d.deleted_at IS NULL"
        " GROUP BY {q.nameCanonical} HAVING COUNT(*) > 1) twice"
        " ON {twice.nameCanonical} = {p.nameCanonical}"
        " WHERE {b.batchStatus} = 'LIVE' AND b.deleted_at IS NULL",
    ),
    Check(
        "INV-001 no quantity of a batch is below zero",
        "batches",
        "SELECT id FROM batches WHERE {onHandQty} < 0 OR {sampleQty} < 0 OR {reservedQty} < 0"
        " OR {quarantineQty} < 0 OR {holdQty} < 0 OR {defectiveQty} < 0",
    ),
    Check(
        "INV-002 no more is reserved than is on hand",
        "batches",
        f"SELECT id FROM batches WHERE {{reservedQty}} > {{onHandQty}} + {CENT}",
    ),
    Check(
        "reserved, quarantined and held is part of what is on hand",
        "batches",
        "SELECT id FROM batches WHERE {reservedQty} + {quarantineQty} + {holdQty}"
        f" > {{onHandQty}} + {CENT}",
    ),
)

BATCHES = (*_ORIGINS, *STATUS)

_MOVED = (
    "SELECT {batchId}, SUM({quantityChange}) AS moved FROM {inventoryMovements} GROUP BY {batchId}"
)
_PREVIOUS = (
    "SELECT id, {quantityBefore}, {createdAt},"
    " LAG({quantityAfter}) OVER (PARTITION BY {batchId} ORDER BY id) AS {leftOver},"
    " LAG({createdAt}) OVER (PARTITION BY {batchId} ORDER BY id) AS earlier"
    " FROM {inventoryMovements}"
)


def _bucket(name: str, type_: str, and_: str = "") -> Check:
    return Check(
        f"{name} is what movements of type {type_} took",
        "batches",
        "SELECT b.id FROM batches b LEFT JOIN (SELECT {batchId}, -SUM({quantityChange}) AS taken"
        f" FROM {{inventoryMovements}} WHERE {{inventoryMovementType}} = '{type_}'{and_}"
        " GROUP BY {batchId}) m ON {m.batchId} = b.id"
        f" WHERE {differs(f'{{b.{name}}}', 'COALESCE(m.taken, 0)')}",
    )


INVENTORY = (
    Check(
        "onHandQty is the sum of the movements",
        "batches",
        f"SELECT b.id FROM batches b LEFT JOIN ({_MOVED}) m ON {{m.batchId}} = b.id"
        f" WHERE {differs('{b.onHandQty}', 'COALESCE(m.moved, 0)')}",
    ),
    _bucket("sampleQty", "SAMPLE"),
    _bucket("defectiveQty", "ADJUSTMENT", " AND {adjustmentReason} = 'DAMAGED'"),
    Check(
        "quarantined and held batches are so as a whole, others not at all",
        "batches",
        "SELECT id FROM batches"
        " WHERE ABS({quarantineQty}"
        f" - CASE WHEN {{batchStatus}} = 'QUARANTINED' THEN {{onHandQty}} ELSE 0 END) > {CENT}"
        " OR ABS({holdQty}"
        f" - CASE WHEN {{batchStatus}} = 'ON_HOLD' THEN {{onHandQty}} ELSE 0 END) > {CENT}",
    ),
    Check(
        "what lies at a batch's places is what is on hand",
        "batchLocations",
        "SELECT p.id FROM {batchLocations} p JOIN batches b ON b.id = {p.batchId}"
        " JOIN (SELECT {batchId}, SUM(qty) AS lying FROM {batchLocations} GROUP BY {batchId}) s"
        f" ON {{s.batchId}} = {{p.batchId}} WHERE {differs('s.lying', '{b.onHandQty}')}",
    ),
    orphans("batchLocations", "batchId", "batches"),
    Check(
        "a batch is taken in once",
        "batches",
        "SELECT b.id FROM batches b LEFT JOIN (SELECT {batchId}, COUNT(*) AS number"
        " FROM {inventoryMovements} WHERE {inventoryMovementType} = 'INTAKE' GROUP BY {batchId}) m"
        " ON {m.batchId} = b.id WHERE COALESCE(m.number, 0) <> 1",
    ),
    Check(
        "a movement adds up, and leaves no less than nothing",
        "inventoryMovements",
        "SELECT id FROM {inventoryMovements} WHERE {quantityAfter} < 0 OR {quantityBefore} < 0"
        f" OR ABS({{quantityBefore}} + {{quantityChange}} - {{quantityAfter}}) > {CENT}",
    ),
    Check(
        "a movement begins where the one before it ended",
        "inventoryMovements",
        f"SELECT id FROM ({_PREVIOUS}) m"
        f" WHERE ABS({{quantityBefore}} - COALESCE({{leftOver}}, 0)) > {CENT}"
        " OR {createdAt} < earlier",
    ),
    Check(
        "nothing moves before its batch came in",
        "inventoryMovements",
        "SELECT m.id FROM {inventoryMovements} m JOIN batches b ON b.id = {m.batchId}"
        " WHERE {m.createdAt} < {b.createdAt}",
    ),
    Check(
        "live batches have stock, sold out and closed ones have none",
        "batches",
        "SELECT id FROM batches WHERE ({batchStatus} = 'LIVE' AND {onHandQty} <= 0)"
        " OR ({batchStatus} IN ('SOLD_OUT', 'CLOSED') AND {onHandQty} <> 0)",
    ),
)
