"""What is sold: brands, strains, products and the margins that price them."""

from __future__ import annotations

from sqlalchemy import DECIMAL, Column, ForeignKey, Index, Integer, String, Table, Text

from terp_seed.terp.schema.shape import created, moment, table, updated

brands: Table = table(
    "brands",
    Column("name", String(255), nullable=False),
    moment("deleted_at"),
    Column("vendorId", Integer),
    Column("description", Text),
    created(),
    updated(),
)

strains: Table = table(
    "strains",
    Column("name", String(255), unique=True, nullable=False),
    moment("deleted_at"),
    Column("standardizedName", String(255), nullable=False),
    Column("aliases", Text),
    Column("category", String(50)),
    Column("description", Text),
    Column("openthcId", String(255)),
    Column("openthcStub", String(255)),
    Column("parentStrainId", Integer),
    Column("baseStrainName", String(255)),
    created(),
    updated(),
)

products: Table = table(
    "products",
    Column("brandId", Integer, nullable=False),
    Column("supplier_client_id", Integer, ForeignKey("clients.id", ondelete="SET NULL")),
    Column("strainId", Integer),
    Column("nameCanonical", String(500), nullable=False),
    moment("deleted_at"),
    Column("category", String(100), nullable=False),
    Column("subcategory", String(100)),
    Column("uomSellable", String(20), nullable=False, server_default="EA"),
    Column("description", Text),
    created(),
    updated(),
    Index("idx_products_supplier_client_id", "supplier_client_id"),
)

pricing_defaults: Table = table(
    "pricing_defaults",
    Column("product_category", String(100), unique=True, nullable=False),
    Column("default_margin_percent", DECIMAL(5, 2), nullable=False),
    created("created_at"),
    updated("updated_at"),
    Index("idx_product_category", "product_category"),
)
