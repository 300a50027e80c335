"""Users, clients (every business party), their supplier side, and the deprecated vendors."""

from __future__ import annotations

from sqlalchemy import (
    DECIMAL,
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from terp_seed.terp.schema.shape import NOW, choice, created, moment, table, updated

users: Table = table(
    "users",
    Column("openId", String(64), unique=True, nullable=False),
    moment("deleted_at"),
    Column("name", Text),
    Column("email", String(320)),
    Column("loginMethod", String(64)),
    Column("role", choice("user", "admin"), nullable=False, server_default="user"),
    created(),
    updated(),
    moment("lastSignedIn", nullable=False, default=NOW),
)

clients: Table = table(
    "clients",
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("teri_code", String(50), unique=True, nullable=False),
    Column("name", String(255), nullable=False),
    Column("email", String(255)),
    Column("phone", String(50)),
    Column("address", Text),
    Column(
        "businessType",
        choice(
            "RETAIL", "WHOLESALE", "DISPENSARY", "DELIVERY", "MANUFACTURER", "DISTRIBUTOR", "OTHER"
        ),
    ),
    Column("preferredContact", choice("EMAIL", "PHONE", "TEXT", "ANY")),
    Column("payment_terms", Integer, server_default=text("30")),
    Column("is_buyer", Boolean, server_default=false()),
    Column("is_seller", Boolean, server_default=false()),
    Column("is_brand", Boolean, server_default=false()),
    Column("is_referee", Boolean, server_default=false()),
    Column("is_contractor", Boolean, server_default=false()),
    Column("tags", JSON),
    Column("pricing_profile_id", Integer),
    Column("custom_pricing_rules", JSON),
    Column(
        "cogsAdjustmentType",
        choice(
            "NONE",
            "PERCENTAGE",
            "PERCENTAGE_DECREASE",
            "PERCENTAGE_INCREASE",
            "FIXED_AMOUNT",
            "FIXED_DECREASE",
            "FIXED_INCREASE",
        ),
        server_default="NONE",
    ),
    Column("cogs_adjustment_value", DECIMAL(15, 4), server_default="0"),
    Column("auto_defer_consignment", Boolean, server_default=false()),
    Column("total_spent", DECIMAL(15, 2), server_default="0"),
    Column("total_profit", DECIMAL(15, 2), server_default="0"),
    Column("avg_profit_margin", DECIMAL(5, 2), server_default="0"),
    Column("total_owed", DECIMAL(15, 2), server_default="0"),
    Column("oldest_debt_days", Integer, server_default=text("0")),
    Column("credit_limit", DECIMAL(15, 2), server_default="0"),
    moment("credit_limit_updated_at"),
    Column("creditLimitSource", choice("CALCULATED", "MANUAL"), server_default="CALCULATED"),
    Column("credit_limit_override_reason", Text),
    Column("vip_portal_enabled", Boolean, server_default=false()),
    moment("vip_portal_last_login"),
    Column("wishlist", Text),
    Column("referred_by_client_id", Integer),
    moment("deleted_at"),
    created("created_at", nullable=True),
    updated("updated_at", nullable=True),
    Index("idx_teri_code", "teri_code"),
    Index("idx_total_owed", "total_owed"),
    Index("idx_referred_by", "referred_by_client_id"),
)

supplier_profiles: Table = table(
    "supplier_profiles",
    Column(
        "client_id",
        Integer,
        ForeignKey("clients.id", ondelete="CASCADE"),
        unique=True,
        nullable=False,
    ),
    Column("contact_name", String(255)),
    Column("contact_email", String(320)),
    Column("contact_phone", String(50)),
    Column("payment_terms", String(100)),
    Column("supplier_notes", Text),
    Column("legacy_vendor_id", Integer),
    Column(
        "preferred_payment_method", choice("CASH", "CHECK", "WIRE", "ACH", "CREDIT_CARD", "OTHER")
    ),
    Column("tax_id", String(50)),
    Column("license_number", String(100)),
    created("created_at"),
    updated("updated_at"),
    Index("idx_supplier_profiles_client_id", "client_id"),
    Index("idx_supplier_profiles_legacy_vendor", "legacy_vendor_id"),
)

vendors: Table = table(
    "vendors",
    Column("name", String(255), unique=True, nullable=False),
    moment("deleted_at"),
    Column("contactName", String(255)),
    Column("contactEmail", String(320)),
    Column("contactPhone", String(50)),
    Column("paymentTerms", String(100)),
    Column("notes", Text),
    created(),
    updated(),
)
