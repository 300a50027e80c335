"""Every invariant notices what breaks it."""

from __future__ import annotations

import pytest
from terp_harness import NAMED, SEEDERS, seeded

from terp_seed.rows.seeders import seeder_named

CHECKS = {check.name: check for name in SEEDERS for check in seeder_named(name).checks}

ONE_BATCH = "id = (SELECT MIN(id) FROM batches WHERE batchStatus = 'LIVE')"
ONE_ORDER = "id = (SELECT MIN(id) FROM orders WHERE fulfillmentStatus = 'DELIVERED')"
ONE_INVOICE = "id = (SELECT MIN(id) FROM invoices WHERE status = 'PAID')"
ONE_LINE = "id = (SELECT MIN(order_line_item_id) FROM order_line_item_allocations)"
SPLIT_LINE = (
    "(SELECT MIN(split) FROM (SELECT order_line_item_id AS split"
    " FROM order_line_item_allocations GROUP BY 1 HAVING COUNT(*) = 2))"
)
PICKED = "SELECT {}(batch_id) FROM order_line_item_allocations WHERE order_line_item_id"
# The last that was sold of a newer batch is said to be of the one before it.
OLD_ONE = f"({PICKED.format('MIN')} = {SPLIT_LINE})"
NEW_ONE = f"({PICKED.format('MAX')} = {SPLIT_LINE})"

# What is done to a sound database, by the beginning of the check's name.
PLANTED = {
    "products.brandId leads": "UPDATE products SET brandId = 1",
    "products.strainId leads": "UPDATE products SET strainId = 1",
    "no two products have": "UPDATE products SET nameCanonical = 'One for all'",
    "CLI-001": "UPDATE clients SET is_seller = NULL",
    "a seller has": "UPDATE clients SET is_seller = 1",
    "supplier_profiles.legacy_vendor_id": "UPDATE supplier_profiles SET legacy_vendor_id = 1",
    "clients.referred_by_client_id": "UPDATE clients SET referred_by_client_id = 1",
    "a client joined after": "UPDATE clients SET created_at = '2020-01-01',"
    " referred_by_client_id = (SELECT MIN(id) FROM clients) WHERE id % 2 = 1",
    "credit is for buyers": "UPDATE clients SET credit_limit = 5 WHERE is_buyer = 0",
    "batches.productId leads": "UPDATE batches SET productId = 1",
    "batches.lotId leads": "UPDATE batches SET lotId = 1",
    "lots.vendorId leads": "UPDATE lots SET vendorId = 1",
    "lots come from sellers": "UPDATE lots SET date = '2020-01-01'",
    "a lot's vendor": "UPDATE lots SET vendorId = vendorId + 1",
    "a batch came in": "UPDATE batches SET createdAt = '2020-01-01'",
    "FIXED cost": f"UPDATE batches SET cogsMode = 'FIXED', unitCogs = NULL WHERE {ONE_BATCH}",
    "no product name": "UPDATE batches SET productId = (SELECT MIN(id) FROM products)",
    "INV-001": f"UPDATE batches SET defectiveQty = -1 WHERE {ONE_BATCH}",
    "INV-002": f"UPDATE batches SET reservedQty = onHandQty + 0.25 WHERE {ONE_BATCH}",
    "reserved, quarantined": f"UPDATE batches SET holdQty = onHandQty + 0.25 WHERE {ONE_BATCH}",
    "onHandQty is": f"UPDATE batches SET onHandQty = onHandQty + 0.01 WHERE {ONE_BATCH}",
    "sampleQty is": f"UPDATE batches SET sampleQty = sampleQty + 0.01 WHERE {ONE_BATCH}",
    "defectiveQty is": f"UPDATE batches SET defectiveQty = defectiveQty + 1 WHERE {ONE_BATCH}",
    "quarantined and held": "UPDATE batches SET quarantineQty = 0",
    "what lies at": "UPDATE batchLocations SET qty = qty + 0.25",
    "batchLocations.batchId": "UPDATE batchLocations SET batchId = 1",
    "a batch is taken in once": "UPDATE inventoryMovements SET inventoryMovementType = 'INTAKE'"
    " WHERE inventoryMovementType = 'SALE'",
    "a movement adds up": "UPDATE inventoryMovements SET quantityAfter = quantityAfter + 0.25",
    "a movement begins": "UPDATE inventoryMovements SET quantityBefore = quantityBefore + 0.25",
    "nothing moves before": "UPDATE batches SET createdAt = '2040-01-01'",
    "live batches have": "UPDATE batches SET onHandQty = 1 WHERE batchStatus = 'SOLD_OUT'",
    "ORD-001": f"UPDATE orders SET total = total + 0.01 WHERE {ONE_ORDER}",
    "an order has lines": "DELETE FROM order_line_items"
    " WHERE order_id = (SELECT MAX(id) FROM orders)",
    "order_line_items.order_id": "UPDATE order_line_items SET order_id = 1",
    "order_line_items.batch_id": "UPDATE order_line_items SET batch_id = 1",
    "order_line_item_allocations.order_line_item_id": "DELETE FROM order_line_items",
    "order_line_item_allocations.batch_id": "UPDATE order_line_item_allocations SET batch_id = 1",
    "quantities and prices": f"UPDATE order_line_items SET unit_price = 0 WHERE {ONE_LINE}",
    "an order's cost": f"UPDATE orders SET total_margin = total_margin + 1 WHERE {ONE_ORDER}",
    "a sale's lines": "UPDATE orders SET is_draft = 1",
    "stock is allocated from": "UPDATE batches SET batchStatus = 'ON_HOLD'",
    "first in, first out": f"UPDATE order_line_item_allocations SET batch_id = {OLD_ONE} WHERE id ="
    f" (SELECT MAX(id) FROM order_line_item_allocations WHERE batch_id = {NEW_ONE})",
    "reservedQty is": f"UPDATE batches SET reservedQty = reservedQty + 0.25 WHERE {ONE_BATCH}",
    "what was shipped": "DELETE FROM inventoryMovements WHERE id ="
    " (SELECT MAX(id) FROM inventoryMovements WHERE inventoryMovementType = 'SALE')",
    "a movement that refers": "UPDATE inventoryMovements SET referenceId = 1",
    "AR-001": f"UPDATE invoices SET amountDue = amountDue + 0.01 WHERE {ONE_INVOICE}",
    "AR-002": "DELETE FROM payments WHERE id = (SELECT MIN(id) FROM payments)",
    "PAY-001": "UPDATE payments SET amount = 0",
    "an invoice is PAID": f"UPDATE invoices SET status = 'PARTIAL' WHERE {ONE_INVOICE}",
    "an invoice is its order's": "UPDATE invoices SET customerId = customerId + 1",
    "orders.invoice_id": "UPDATE orders SET invoice_id = 1 WHERE invoice_id IS NOT NULL",
    "no two orders share": "UPDATE orders SET invoice_id = (SELECT MIN(id) FROM invoices)",
    "what has left": f"UPDATE orders SET invoice_id = NULL WHERE {ONE_ORDER}",
    "an invoice's lines": "DELETE FROM invoiceLineItems"
    " WHERE id = (SELECT MIN(id) FROM invoiceLineItems)",
    "a payment is its invoice's": "UPDATE payments SET customerId = customerId + 1",
    "a sale's status": f"UPDATE orders SET saleStatus = 'PENDING' WHERE {ONE_ORDER}",
    "orders come from buyers": "UPDATE clients SET is_buyer = 0",
    "total_owed is": "UPDATE clients SET total_owed = total_owed + 0.01",
    "a client's account": "DELETE FROM client_transactions WHERE transaction_type = 'PAYMENT'",
    "drafts are drafts": "UPDATE orders SET saleStatus = 'PENDING'",
    "quotes have": "UPDATE orders SET quoteStatus = NULL",
    "a converted quote": "UPDATE orders SET converted_from_order_id = NULL",
    "the last stage": f"UPDATE orders SET fulfillmentStatus = 'PACKED' WHERE {ONE_ORDER}",
    "an order comes after": f"UPDATE orders SET shipped_at = '2020-01-01' WHERE {ONE_ORDER}",
    "an invoice comes": "UPDATE invoices SET dueDate = '2020-01-01'",
    "a payment comes after": "UPDATE payments SET paymentDate = '2020-01-01'",
    "bills.vendorId leads": "UPDATE bills SET vendorId = 1",
    "bills.createdBy leads": "UPDATE bills SET createdBy = 1",
    "billLineItems.billId leads": "UPDATE billLineItems SET billId = 1",
    "billLineItems.productId leads": "UPDATE billLineItems SET productId = 1",
    "billLineItems.lotId leads": "UPDATE billLineItems SET lotId = 1",
    "payments.billId leads": "UPDATE payments SET billId = 1 WHERE billId IS NOT NULL",
    "paymentHistory.batchId leads": "UPDATE paymentHistory SET batchId = 1",
    "paymentHistory.vendorId leads": "UPDATE paymentHistory SET vendorId = 1",
    "paymentHistory.recordedBy leads": "UPDATE paymentHistory SET recordedBy = 1",
    "AP-002": "UPDATE vendor_payables SET total_amount = total_amount + 1, amount_due ="
    " amount_due + 1 WHERE status = 'PAID'",
    "a payable is for goods": "UPDATE vendor_payables SET lot_id = lot_id + 1",
    "what is due on a payable": "UPDATE vendor_payables SET amount_due = 5 WHERE status = 'DUE'",
    "what a payable was paid": "UPDATE paymentHistory SET amount = amount + 1",
    "a payable is PENDING": "UPDATE vendor_payables SET status = 'PENDING' WHERE status = 'DUE'",
    "a batch on consignment": "UPDATE vendor_payables SET deleted_at = created_at",
    "goods that the business owns": "UPDATE billLineItems SET productId = productId + 1",
    "what is due on a bill": "UPDATE bills SET amountDue = 1 WHERE status = 'PAID'",
    "what is paid of a bill": "UPDATE bills SET amountPaid = 1 WHERE status = 'OVERDUE'",
    "a bill's lines": "UPDATE billLineItems SET lineTotal = lineTotal - 1",
    "a bill is PAID": "UPDATE bills SET status = 'OVERDUE' WHERE status = 'PAID'",
    "a bill for a lot": "UPDATE bills SET createdAt = '2020-01-01'",
    "a payment for a bill": "UPDATE payments SET paymentDate = '2020-01-01'",
    "what a supplier was paid": "DELETE FROM paymentHistory",
    "sales.batchId leads": "UPDATE sales SET batchId = 1",
    "sales.productId leads": "UPDATE sales SET productId = 1",
    "what was sold of a batch": "UPDATE sales SET quantity = quantity + 0.25",
    "what was sold to a client": "UPDATE sales SET salePrice = salePrice + 5",
    "a sale is of its batch's": "UPDATE sales SET saleDate = '2020-01-01'",
    "an order that came back": "DELETE FROM returns WHERE status = 'RECEIVED'",
    "what went back to suppliers": "UPDATE vendor_return_items SET quantity = quantity + 0.25",
    "a return is asked": "UPDATE returns SET processed_at = '2020-01-01'",
    "AP-001": "UPDATE vendor_returns SET total_value = total_value - 1",
    "AP-003": "UPDATE vendor_returns SET credit_received = total_value + 1",
    "goods go back to": "UPDATE vendor_returns SET vendor_id = (SELECT MIN(id) FROM clients)",
    "AR-005": "UPDATE credits SET amountRemaining = amountRemaining + 1",
    "what was used of a credit": "UPDATE credits SET amountUsed = amountUsed + 1",
    "a credit is FULLY_USED": "UPDATE credits SET creditStatus = 'FULLY_USED'",
    "a credit is its invoice's": "UPDATE credits SET clientId = (SELECT MAX(id) FROM clients)",
    "a credit is used": "UPDATE creditApplications SET appliedDate = '2020-01-01'",
    "a transaction of an invoice": "UPDATE transactions SET amount = amount + 1",
    "a batch was taken in by one": "UPDATE intake_session_batches SET received_qty = 1",
    "a session's total": "UPDATE intake_sessions SET total_amount = total_amount + 1",
    "what a session paid": "UPDATE intake_sessions SET amount_paid = amount_paid + 1",
    "a session is done": "UPDATE intake_sessions SET status = 'COMPLETED'",
    "INV-003": "UPDATE batches SET onHandQty = onHandQty + 5000",
    "a session takes in": "UPDATE intake_sessions SET vendor_id = (SELECT MIN(id) FROM clients)",
    "a purchase order's total": "UPDATE purchaseOrders SET total = total + 1",
    "CLI-003": "UPDATE purchaseOrders SET orderDate = '2040-01-01'",
    "an order has come": "UPDATE purchaseOrders SET purchaseOrderStatus = 'SENT'",
    "what came of an order": "UPDATE purchaseOrderItems SET quantityReceived = 0",
    "no more comes": "UPDATE purchaseOrderItems SET quantityReceived = quantityOrdered + 1",
    "a discrepancy is": "UPDATE intake_receipt_items SET verification_status = 'VERIFIED'",
    "a sample that was handed": "UPDATE sampleRequests SET fulfilledDate = NULL",
    "a sample is where": "UPDATE sampleRequests SET location = 'LOST'",
    "an order that came of a sample": "UPDATE sampleRequests SET relatedOrderId ="
    " (SELECT MIN(id) FROM orders) WHERE fulfilledDate IS NOT NULL",
    "a client asks": "UPDATE sampleRequests SET requestDate = '2010-01-01'",
    "what is left of a month": "UPDATE sampleAllocations SET usedQuantity = usedQuantity + 1",
    "a batch is at the last": "UPDATE batches SET statusId = NULL",
    "what is ready for sale": "UPDATE batches SET statusId = (SELECT MIN(id) FROM"
    " workflow_statuses)",
    "a step begins": "UPDATE batch_status_history SET fromStatusId = toStatusId",
    "an order's history": "UPDATE order_status_history SET changed_at = '2040-01-01' WHERE id IN"
    " (SELECT MIN(id) FROM order_status_history GROUP BY order_id HAVING COUNT(*) > 1)",
    "every line of a packed": "DELETE FROM order_item_bags WHERE id ="
    " (SELECT MAX(id) FROM order_item_bags)",
    "a line is in a bag of its": "UPDATE order_item_bags SET bag_id ="
    " (SELECT MIN(id) FROM order_bags)",
    "a bag is never empty": "DELETE FROM order_item_bags",
    "order_item_bags.order_item_id": "UPDATE order_item_bags SET order_item_id = -id",
    "a sale was made final": "UPDATE order_audit_log SET action = 'FINALIZE'",
    "order_audit_log.order_id": "UPDATE order_audit_log SET order_id = 1",
    "order_audit_log.user_id": "UPDATE order_audit_log SET user_id = 1",
    "a credit limit and": "UPDATE client_credit_limits SET current_exposure = -1",
    "corrections of a client": "UPDATE client_ledger_adjustments SET amount = 5"
    " WHERE transaction_type = 'DEBIT'",
    "a seeded person has no": "UPDATE users SET loginMethod = '$2b$10$'",
    "a role is given": "UPDATE user_roles SET user_id = 'nobody'",
    "a seeded role is given": "DELETE FROM user_roles",
    "a batch was photographed in": "UPDATE batches SET photo_session_event_id = NULL",
    "what is over was before": "UPDATE calendar_events SET start_date = '2040-01-01',"
    " end_date = '2040-01-01' WHERE event_type = 'INTAKE'",
    "an event has an organiser": "UPDATE calendar_event_participants SET role = 'REQUIRED'",
    "what comes back": "DELETE FROM calendar_recurrence_rules",
    "a date of what comes back": "UPDATE calendar_recurrence_rules SET start_date = '2040-01-01'",
    "calendar_events.calendar_id": "UPDATE calendar_events SET calendar_id = 1",
    "a task is done when": "UPDATE todo_tasks SET is_completed = 1",
    "an order that is not packed": "UPDATE todo_tasks SET is_completed = NOT is_completed",
    "a task is in the inbox": "UPDATE inbox_items SET user_id = (SELECT MAX(id) FROM users)",
    "inbox_items.source_id": "UPDATE inbox_items SET source_id = 1",
    "inbox_items.reference_id": "UPDATE inbox_items SET reference_id = 1",
    "a remark on an order": "UPDATE comments SET created_at = '2010-01-01'",
    "comments.commentable_id": "UPDATE comments SET commentable_id = 1",
    "a meeting with": "UPDATE calendar_events SET status = 'CANCELLED'",
    "nothing happens to a client": "UPDATE client_activity SET created_at = '2010-01-01'",
    "buyers have needs": "UPDATE client_needs SET expires_at = '2010-01-01'",
    "a want is MATCHED": "UPDATE client_wants SET client_want_status = 'MATCHED'",
    "a match is for the client": "UPDATE match_records SET client_id = client_id + 1",
    "what matches is on sale": "UPDATE batches SET batchStatus = 'SOLD_OUT'",
    "an offer that matches": "UPDATE vendor_supply SET status = 'EXPIRED'",
    "a client has a login": "DELETE FROM vip_portal_configurations",
    "a seeded login has no": "UPDATE vip_portal_auth SET password_hash = '$2b$10$'",
    "what a client has spent": "UPDATE client_vip_status SET lifetime_spend = 0, ytd_spend = 0",
    "a client's tier": "UPDATE client_vip_status SET ytd_spend = 90000000",
    "a list comes to": "UPDATE client_interest_list_items SET price_at_interest = 1",
    "a list that became": "UPDATE client_interest_lists SET status = 'CONVERTED'",
    "a batch's zone": "UPDATE batch_zone_assignments SET quantity = quantity + 1",
    "a zone holds": "UPDATE storage_zones SET current_capacity = current_capacity + 1",
    "what a batch was bought": "UPDATE price_history SET total_price = 1",
    "a batch that was photographed has": "DELETE FROM product_images",
    "a supplier is tagged": "UPDATE clientTags SET tagId = (SELECT MAX(id) FROM tags)",
    "productTags.productId": "UPDATE productTags SET productId = -id",
    "productTags.tagId": "UPDATE productTags SET tagId = -id",
    "a posting is a debit": "DELETE FROM ledgerEntries WHERE debit > 0",
    "an entry is of its month": "UPDATE fiscalPeriods SET closedAt = startDate",
    "debits equal credits": "UPDATE ledgerEntries SET debit = debit + 1"
    " WHERE id = (SELECT MIN(id) FROM ledgerEntries)",
    "what left of the business's own": "UPDATE ledgerEntries SET debit = debit + 1, credit ="
    " credit + 1 WHERE referenceType = 'COGS'",
    "an invoice is posted": "UPDATE ledgerEntries SET referenceId = (SELECT id FROM invoices"
    " WHERE status = 'VOID') WHERE referenceType = 'INVOICE'",
    "a payment is posted": "DELETE FROM ledgerEntries WHERE referenceType = 'PAYMENT'"
    " AND id % 2 = 0",
    "a payment went through": "UPDATE bankTransactions SET transactionType = 'FEE'",
    "a bill is posted": "UPDATE ledgerEntries SET debit = debit * 2, credit = credit * 2"
    " WHERE referenceType = 'BILL'",
    "a credit is posted": "UPDATE credits SET creditStatus = 'VOID'",
    "an expense is posted": "UPDATE expenses SET taxAmount = 5",
    "a bank account holds": "UPDATE bankAccounts SET currentBalance = 0",
    "a dispute is about": "UPDATE invoice_disputes SET created_at = '2010-01-01'",
    "a dispute that is settled": "UPDATE invoice_disputes SET resolved_at = created_at",
    "what a dispute was settled": "UPDATE invoice_disputes SET adjustment_amount = 1"
    " WHERE adjustment_amount IS NOT NULL",
    "what a batch was sold for": "UPDATE price_history SET unit_price = unit_price * 2,"
    " total_price = total_price * 2",
    "a batch lies at a place": "DELETE FROM locations",
    "the product of a batch that": "DELETE FROM productMedia",
    "productMedia.productId": "UPDATE productMedia SET productId = -id",
    "productMedia.uploadedBy": "UPDATE productMedia SET uploadedBy = -id",
    "ledgerEntries.accountId": "UPDATE ledgerEntries SET accountId = -id",
    "ledgerEntries.fiscalPeriodId": "UPDATE ledgerEntries SET fiscalPeriodId = -id",
    "bankAccounts.ledgerAccountId": "UPDATE bankAccounts SET ledgerAccountId = -id",
    "bankTransactions.bankAccountId": "UPDATE bankTransactions SET bankAccountId = -id",
    "bankTransactions.paymentId": "UPDATE bankTransactions SET paymentId = -id",
    "expenses.categoryId": "UPDATE expenses SET categoryId = -id",
    "expenses.bankAccountId": "UPDATE expenses SET bankAccountId = -id",
}  # fmt: skip


@pytest.fixture(scope="module")
def sound():
    with seeded("small") as database:
        database.db.execute("PRAGMA ignore_check_constraints = ON")
        database.db.commit()
        yield database


def test_every_check_is_tried():
    for name in CHECKS:
        assert sum(name.startswith(beginning) for beginning in PLANTED) == 1, name
    assert len(PLANTED) == len(CHECKS)


@pytest.mark.parametrize("beginning", PLANTED)
def test_planted_violation_is_found(sound, beginning):
    check = next(check for name, check in CHECKS.items() if name.startswith(beginning))
    assert sound.broken([check]) == {}
    sound.db.execute(PLANTED[beginning])
    try:
        assert sound.broken([check])
    finally:
        sound.db.rollback()


@pytest.mark.parametrize("name", CHECKS)
def test_check_finds_rows_of_its_table(sound, name):
    """What a check returns are keys of the table it names."""
    check = CHECKS[name]
    beginning = next(b for b in PLANTED if name.startswith(b))
    sound.db.execute(PLANTED[beginning])
    try:
        found = {row[0] for row in sound.all(NAMED(check.sql))}
        assert found <= {row[0] for row in sound.all(f'SELECT id FROM "{check.table}"')}
    finally:
        sound.db.rollback()
