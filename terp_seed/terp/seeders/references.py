"""References that TERP's schema leaves without a constraint.

The engine checks them before rows go in and follows them before rows come
out.  ``bills.vendorId`` is not here: TERP reads it in two ways.
"""

from __future__ import annotations

from terp_seed.rows.seeders import refers

_LOGICAL = {
    "brands.vendorId": "vendors.id",
    "products.brandId": "brands.id",
    "products.strainId": "strains.id",
    "strains.parentStrainId": "strains.id",
    "clients.referred_by_client_id": "clients.id",
    "supplier_profiles.legacy_vendor_id": "vendors.id",
    "lots.vendorId": "vendors.id",
    "batches.productId": "products.id",
    "batches.lotId": "lots.id",
    "batchLocations.batchId": "batches.id",
    "orders.invoice_id": "invoices.id",
    "order_line_items.order_id": "orders.id",
    "order_line_items.batch_id": "batches.id",
    "order_line_item_allocations.order_line_item_id": "order_line_items.id",
    "order_line_item_allocations.batch_id": "batches.id",
    "sales.batchId": "batches.id",
    "sales.productId": "products.id",
}

for _column, _target in _LOGICAL.items():
    refers(_column, _target)
