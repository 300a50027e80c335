"""The scenario ``edge``: what some rows of each table hold instead, as far as TERP's checks allow.

The last row of a table holds NULL where it may; the rows before it hold the longest texts, emoji
and texts that are written from right to left; the first rows have the enum values that are missing
otherwise.  A table with fewer rows shows fewer of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from terp_seed.rows.columns import constant
from terp_seed.rows.model import Column, Value
from terp_seed.rows.pools import invented
from terp_seed.terp.overlays import overlaid
from terp_seed.terp.simulation.invoices import Status
from terp_seed.terp.simulation.simulation import Simulation

__all__ = ["with_extremes"]

RIGHT_TO_LEFT, EMOJI = invented(
    ("\u0628\u0630\u0648\u0631 \u0627\u0644\u0648\u0627\u062f\u064a", "\U0001f331 Seed \U0001f9ea")
)
"""Arabic letters, and characters that take four bytes."""
_LONG = "Velvet Harbor Lantern Quarry "
_LARGEST = 999_999_999_999_999  # of DECIMAL(15, 2)

TEXTS: Mapping[str, Mapping[str, int]] = {
    "brands": {"name": 255, "description": 2_000},
    "products": {"nameCanonical": 500},
    "clients": {"name": 255, "address": 2_000},
    "lots": {"notes": 2_000},
    "orders": {"notes": 2_000},
    "returns": {"notes": 2_000},
    "comments": {"content": 16_383},
    "freeform_notes": {"title": 500},
    "client_communications": {"subject": 255, "notes": 2_000},
    "notifications": {"title": 255},
    "todo_lists": {"name": 255},
    "todo_tasks": {"title": 500},
    "product_images": {"caption": 255},
    "pricing_rules": {"name": 255},
}
"""How long the longest text of a column is: as its type has it, or long for a TEXT.

The longest is what a TEXT of MySQL holds, whatever the characters.
"""

ENUMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "supplier_profiles": {"preferred_payment_method": ("CREDIT_CARD", "OTHER")},
    "payments": {"paymentMethod": ("DEBIT_CARD", "OTHER")},
    "returns": {"returnReason": ("OTHER",)},
    "calendar_event_participants": {"response_status": ("DECLINED", "TENTATIVE")},
    "client_activity": {
        "activity_type": ("UPDATED", "PAYMENT_RECORDED", "NOTE_ADDED", "TAG_ADDED", "TAG_REMOVED"),
    },
    "client_communications": {"communicationType": ("CALL", "EMAIL", "NOTE")},
    "notifications": {"type": ("success",)},
    "todo_tasks": {"priority": ("low", "high")},
    "client_needs": {"status": ("FULFILLED", "CANCELLED")},
    "match_records": {"user_action": ("CONTACTED_VENDOR",)},
    "tags": {"category": ("STATUS", "PRIORITY", "STRAIN", "FLAVOR", "EFFECT")},
    "pricing_rules": {"adjustment_type": ("PERCENT_MARKDOWN", "DOLLAR_MARKUP", "DOLLAR_MARKDOWN")},
    "product_images": {"status": ("PENDING", "REJECTED", "ARCHIVED")},
    "storage_zones": {"access_level": ("high_security",)},
}
"""The enum values that no row of another scenario has."""

DEFAULTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "clients": {
        "cogsAdjustmentType": (
            "NONE", "PERCENTAGE", "PERCENTAGE_DECREASE", "PERCENTAGE_INCREASE", "FIXED_AMOUNT",
            "FIXED_DECREASE", "FIXED_INCREASE",
        ),
    },
    "calendar_events": {
        "priority": ("MEDIUM", "LOW", "HIGH", "URGENT"),
        "visibility": ("COMPANY", "PRIVATE", "TEAM", "PUBLIC"),
    },
    "notifications": {"channel": ("in_app", "email", "sms")},
    "storage_zones": {
        "temperature_control": ("ambient", "cool", "cold", "frozen", "controlled"),
    },
}  # fmt: skip
"""The same for columns that are left to their default, which comes first."""

NULLS: Mapping[str, str] = {
    "brands": "description",
    "strains": "category baseStrainName",
    "products": "strainId subcategory",
    "clients": (
        "email phone address businessType preferredContact payment_terms is_seller is_brand "
        "is_referee is_contractor tags creditLimitSource vip_portal_enabled created_at "
        "updated_at"
    ),
    "vendors": "contactName contactEmail contactPhone paymentTerms",
    "supplier_profiles": (
        "contact_name contact_email contact_phone payment_terms legacy_vendor_id "
        "preferred_payment_method tax_id license_number"
    ),
    "batches": "grade amountPaid metadata",
    "batchLocations": "rack shelf bin",
    "orders": (
        "tax discount shipping total_cogs total_margin avg_margin_percent pickPackStatus "
        "cash_payment created_at updated_at"
    ),
    "order_line_items": "product_display_name",
    "order_line_item_allocations": "allocated_by",
    "invoices": "paymentTerms referenceType",
    "invoiceLineItems": "productId batchId",
    "client_transactions": (
        "transaction_number payment_status payment_amount created_at updated_at"
    ),
    "bills": "paymentTerms referenceType",
    "billLineItems": "productId lotId",
    "paymentHistory": "paymentMethod notes",
    "returns": "notes",
    "vendor_returns": "return_reason total_value credit_received_at created_by",
    "credits": "transactionId creditReason expirationDate notes",
    "creditApplications": "idempotencyKey",
    "intake_sessions": "total_amount amount_paid receipt_generated created_at updated_at",
    "intake_session_batches": "created_at updated_at",
    "purchaseOrders": "vendorId expectedDeliveryDate subtotal tax shipping total paymentTerms",
    "purchaseOrderItems": "quantityReceived supplier_client_id",
    "intake_receipts": (
        "supplier_id farmer_verified_at farmer_verified_by created_by created_at updated_at"
    ),
    "intake_receipt_items": "product_id expected_price verification_status created_at",
    "sampleRequests": "dueDate location",
    "sampleLocationHistory": "fromLocation",
    "order_bags": "created_by created_at",
    "order_item_bags": "packed_at packed_by",
    "order_audit_log": "changes user_id",
    "client_credit_limits": "last_calculated created_at updated_at",
    "roles": "description",
    "user_roles": "assigned_by",
    "calendars": "owner_id",
    "calendar_events": "start_time end_time timezone calendar_id metadata assigned_to",
    "calendar_recurrence_rules": "by_day exception_dates",
    "calendar_recurrence_instances": "start_time end_time timezone",
    "todo_tasks": "priority due_date assigned_to",
    "notifications": "user_id link metadata",
    "client_communications": "notes",
    "client_activity": "metadata created_at",
    "freeform_notes": "content tags",
    "client_notes": "created_at",
    "client_needs": (
        "strainId strain_type strain product_name category subcategory grade quantity_min "
        "quantity_max price_max expires_at created_by created_at updated_at"
    ),
    "client_wants": "strain_name max_price_per_unit match_count created_by",
    "vendor_supply": (
        "strain product_name category subcategory grade unit_price available_until created_by "
        "created_at updated_at"
    ),
    "match_records": "user_action created_at",
    "vip_tiers": "min_spend_ytd discount_percentage is_default",
    "client_vip_status": (
        "current_tier_id ytd_spend ytd_orders payment_on_time_rate lifetime_spend "
        "next_tier_progress last_calculated_at"
    ),
    "client_interest_list_items": "category subcategory",
    "sites": "address city state",
    "storage_zones": "site_id",
    "batch_zone_assignments": "assigned_by_id",
    "tags": "category",
    "pricing_rules": "priority created_at updated_at",
    "pricing_profiles": "created_by created_at updated_at",
    "price_history": "supplier_id created_at",
    "product_images": "caption is_primary uploaded_by uploaded_at",
}
"""The columns that are NULL in the last row."""


def with_extremes(
    table: str, count: int, columns: Mapping[str, Column], sim: Simulation
) -> dict[str, Column]:
    """The columns of a table, with extremes in some rows."""
    found = dict(columns)
    for name, known in DEFAULTS.get(table, {}).items():
        found.setdefault(name, constant(known[0]))
    for name, column in found.items():
        values = {row: value for row, value in _values(table, name, count).items() if row >= 0}
        found[name] = overlaid(column, values)
    if table == "clients":
        found["credit_limit"] = overlaid(found["credit_limit"], _credit_limits(sim))
    return found


def _values(table: str, column: str, count: int) -> dict[int, Value]:
    """What is in some rows of a column; a later row number comes first where both are asked for."""
    values: dict[int, Value] = {}
    missing = (*ENUMS.get(table, {}).get(column, ()), *DEFAULTS.get(table, {}).get(column, ())[1:])
    values.update(enumerate(missing[:count]))
    length = TEXTS.get(table, {}).get(column)
    if length is not None:
        longest = (_LONG * (length // len(_LONG))).ljust(length, ".")
        values |= {count - 2: longest, count - 3: RIGHT_TO_LEFT, count - 4: EMOJI}
    if column in NULLS.get(table, "").split():
        values[count - 1] = None
    return values


def _credit_limits(sim: Simulation) -> dict[int, Value]:
    """A client without credit, one with the most that there is, and one that has used all of it."""
    invoices = sim.invoices
    owed: dict[int, int] = {}
    for invoice, client in enumerate(invoices.client):
        if invoices.status[invoice] not in (Status.PAID, Status.VOID):
            owed[client] = owed.get(client, 0) + invoices.total[invoice] - invoices.paid[invoice]
    buyers = [client for client in sim.house.buyers if not owed.get(client)]
    limits: dict[int, Value] = dict(zip(buyers, (0, _LARGEST), strict=False))
    if owed:
        limits[max(owed, key=owed.__getitem__)] = max(owed.values())
    return limits
