"""What is in stock: lots, batches, where they lie and how they moved."""

from __future__ import annotations

from sqlalchemy import (
    DECIMAL,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    column,
    false,
    text,
)

from terp_seed.terp.schema.shape import choice, created, moment, table, updated


def _not_negative(name: str) -> CheckConstraint:
    return CheckConstraint(column(name) >= 0, name=f"chk_batches_{name}_nonnegative")


workflow_statuses: Table = table(
    "workflow_statuses",
    Column("name", String(100), nullable=False),
    Column("slug", String(50), unique=True, nullable=False),
    Column("color", String(20), nullable=False, server_default="#6B7280"),
    Column("order", Integer, nullable=False, server_default=text("0")),
    Column("isActive", Integer, nullable=False, server_default=text("1")),
    created(),
    updated(),
    Index("idx_workflow_statuses_order", "order"),
    Index("idx_workflow_statuses_isActive", "isActive"),
)

sequences: Table = table(
    "sequences",
    Column("name", String(50), unique=True, nullable=False),
    moment("deleted_at"),
    Column("prefix", String(20), nullable=False),
    Column("currentValue", Integer, nullable=False, server_default=text("0")),
    created(),
    updated(),
)

lots: Table = table(
    "lots",
    Column("code", String(50), unique=True, nullable=False),
    moment("deleted_at"),
    Column("supplier_client_id", Integer, ForeignKey("clients.id", ondelete="RESTRICT")),
    Column("vendorId", Integer, nullable=False),
    moment("date", nullable=False),
    Column("notes", Text),
    created(),
    updated(),
    Index("idx_lots_supplier_client_id", "supplier_client_id"),
)

batches: Table = table(
    "batches",
    Column("code", String(50), unique=True, nullable=False),
    moment("deleted_at"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("sku", String(100), unique=True, nullable=False),
    Column("productId", Integer, nullable=False),
    Column("lotId", Integer, nullable=False),
    Column(
        "batchStatus",
        choice("AWAITING_INTAKE", "LIVE", "ON_HOLD", "QUARANTINED", "SOLD_OUT", "CLOSED"),
        nullable=False,
        server_default="AWAITING_INTAKE",
    ),
    Column("isPhotographyComplete", Boolean, nullable=False, server_default=false()),
    Column("statusId", Integer, ForeignKey("workflow_statuses.id", ondelete="SET NULL")),
    Column("grade", String(10)),
    Column("isSample", Integer, nullable=False, server_default=text("0")),
    Column("sampleOnly", Integer, nullable=False, server_default=text("0")),
    Column("sampleAvailable", Integer, nullable=False, server_default=text("0")),
    Column("cogsMode", choice("FIXED", "RANGE"), nullable=False, server_default="FIXED"),
    Column("unitCogs", DECIMAL(15, 4)),
    Column("unitCogsMin", DECIMAL(15, 4)),
    Column("unitCogsMax", DECIMAL(15, 4)),
    Column(
        "paymentTerms",
        choice("COD", "NET_7", "NET_15", "NET_30", "CONSIGNMENT", "PARTIAL"),
        nullable=False,
    ),
    Column(
        "ownership_type",
        choice("CONSIGNED", "OFFICE_OWNED", "SAMPLE"),
        nullable=False,
        server_default="CONSIGNED",
    ),
    Column("amountPaid", DECIMAL(12, 2), server_default="0"),
    Column("metadata", Text),
    Column("photo_session_event_id", Integer),
    Column("onHandQty", DECIMAL(15, 4), nullable=False, server_default="0"),
    Column("sampleQty", DECIMAL(15, 4), nullable=False, server_default="0"),
    Column("reservedQty", DECIMAL(15, 4), nullable=False, server_default="0"),
    Column("quarantineQty", DECIMAL(15, 4), nullable=False, server_default="0"),
    Column("holdQty", DECIMAL(15, 4), nullable=False, server_default="0"),
    Column("defectiveQty", DECIMAL(15, 4), nullable=False, server_default="0"),
    Column("publishEcom", Integer, nullable=False, server_default=text("0")),
    Column("publishB2b", Integer, nullable=False, server_default=text("0")),
    created(),
    updated(),
    Index("idx_batches_product_id", "productId"),
    Index("idx_batches_product_status", "productId", "batchStatus"),
    Index("idx_batches_status_created", "batchStatus", "createdAt"),
    _not_negative("onHandQty"),
    _not_negative("reservedQty"),
    _not_negative("sampleQty"),
)

batch_locations: Table = table(
    "batchLocations",
    Column("batchId", Integer, nullable=False),
    Column("site", String(100), nullable=False),
    moment("deleted_at"),
    Column("zone", String(100)),
    Column("rack", String(100)),
    Column("shelf", String(100)),
    Column("bin", String(100)),
    Column("qty", DECIMAL(15, 4), nullable=False),
    created(),
    updated(),
)

inventory_movements: Table = table(
    "inventoryMovements",
    Column("batchId", Integer, ForeignKey("batches.id", ondelete="RESTRICT"), nullable=False),
    Column(
        "inventoryMovementType",
        choice(
            "INTAKE",
            "SALE",
            "RETURN",
            "REFUND_RETURN",
            "ADJUSTMENT",
            "QUARANTINE",
            "RELEASE_FROM_QUARANTINE",
            "DISPOSAL",
            "TRANSFER",
            "SAMPLE",
        ),
        nullable=False,
    ),
    Column("quantityChange", DECIMAL(15, 4), nullable=False),
    Column("quantityBefore", DECIMAL(15, 4), nullable=False),
    Column("quantityAfter", DECIMAL(15, 4), nullable=False),
    Column("referenceType", String(50)),
    Column("referenceId", Integer),
    Column(
        "adjustmentReason",
        choice(
            "DAMAGED",
            "EXPIRED",
            "LOST",
            "THEFT",
            "COUNT_DISCREPANCY",
            "QUALITY_ISSUE",
            "REWEIGH",
            "OTHER",
        ),
    ),
    Column("notes", Text),
    Column("performedBy", Integer, ForeignKey("users.id"), nullable=False),
    created(),
    moment("deleted_at"),
    Index("idx_inventory_movements_batch", "batchId"),
    Index("idx_inventory_movements_type", "inventoryMovementType"),
    Index("idx_inventory_movements_reference", "referenceType", "referenceId"),
    Index("idx_inventory_movements_created", "createdAt"),
)

batch_status_history: Table = table(
    "batch_status_history",
    Column("batchId", Integer, ForeignKey("batches.id", ondelete="CASCADE"), nullable=False),
    Column("fromStatusId", Integer, ForeignKey("workflow_statuses.id", ondelete="SET NULL")),
    Column(
        "toStatusId",
        Integer,
        ForeignKey("workflow_statuses.id", ondelete="RESTRICT"),
        nullable=False,
    ),
    Column("changedBy", Integer, ForeignKey("users.id", ondelete="RESTRICT"), nullable=False),
    Column("notes", Text),
    created(),
    Index("idx_batch_status_history_batchId", "batchId"),
    Index("idx_batch_status_history_toStatusId", "toStatusId"),
    Index("idx_batch_status_history_changedBy", "changedBy"),
    Index("idx_batch_status_history_createdAt", "createdAt"),
)
