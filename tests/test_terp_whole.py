"""The chain on all 233 tables of TERP, with TERP's own foreign keys, which the sandbox lacks."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
import terp_full
from projects import Project
from servers import server_engine
from sqlalchemy.engine import Connection

# TERP's own gate: scripts/qa/invariant-checks.ts, by the number of its checks.
GATE = {
    "INV-001": 'SELECT COUNT(*) FROM batches WHERE "onHandQty" < 0 OR "sampleQty" < 0'
    ' OR "reservedQty" < 0 OR "quarantineQty" < 0 OR "holdQty" < 0 OR "defectiveQty" < 0',
    "INV-002": 'SELECT COUNT(*) FROM batches WHERE "reservedQty" > "onHandQty"',
    "AR-001": "SELECT COUNT(*) FROM invoices"
    ' WHERE ABS("amountDue" - ("totalAmount" - "amountPaid")) > 0.01',
    "AR-002": "SELECT COUNT(*) FROM (SELECT i.id FROM invoices i"
    ' LEFT JOIN payments p ON p."invoiceId" = i.id AND p.deleted_at IS NULL'
    ' GROUP BY i.id, i."amountPaid"'
    ' HAVING ABS(i."amountPaid" - COALESCE(SUM(p.amount), 0)) > 0.01) broken',
    "ORD-001": "SELECT COUNT(*) FROM (SELECT o.id FROM orders o"
    " JOIN order_line_items l ON l.order_id = o.id GROUP BY o.id, o.total"
    " HAVING ABS(o.total - SUM(l.quantity * l.unit_price)) > 0.01) broken",
    "ORD-REF": "SELECT COUNT(*) FROM order_line_items l LEFT JOIN orders o ON o.id = l.order_id"
    " WHERE o.id IS NULL",
    "CLI-001": "SELECT COUNT(*) FROM supplier_profiles p JOIN clients c ON c.id = p.client_id"
    " WHERE c.is_seller IS NOT TRUE",
    "PAY-001": "SELECT COUNT(*) FROM payments WHERE amount <= 0",
}


def _create(connection: Connection) -> None:
    """TERP's tables with their defaults; a default of JSON is no engine's but MySQL's."""
    made = terp_full.metadata()
    for name, table in terp_full.SCHEMA.items():
        for column, about in table["columns"].items():
            here, default = made.tables[name].columns[column], about.get("default")
            if default in ("now()", "CURRENT_TIMESTAMP"):
                here.server_default = sa.DefaultClause(sa.text("CURRENT_TIMESTAMP"))
            elif isinstance(here.type, sa.Boolean) and default is not None:
                value = sa.true() if int(default) else sa.false()
                here.server_default = sa.DefaultClause(value)
            elif default is not None and not isinstance(here.type, sa.JSON | sa.Text):
                here.server_default = sa.DefaultClause(str(default))
    terp_full.create_all(connection, made)


def _filled(connection: Connection) -> set[str]:
    quote = connection.dialect.identifier_preparer.quote
    return {
        name
        for name in terp_full.SCHEMA
        if connection.exec_driver_sql(f"SELECT 1 FROM {quote(name)} LIMIT 1").first()
    }


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", server_engine()])  # TERP is on no other server
def test_the_chain_fits_the_whole_of_terp(project: Project, database_url: str) -> None:
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        _create(connection)
    project.run("terp-seed", "-x", f"url={database_url}", "env", "stamp", "dev", "--yes")
    seed = ("alembic", "-n", "seed", "-x", f"url={database_url}")
    project.run(*seed, "upgrade", "head")
    assert "0 broken" in project.run("terp-seed", "-x", f"url={database_url}", "verify").stdout
    with engine.connect() as connection:
        mysql = connection.dialect.name in ("mysql", "mariadb")
        for name, sql in GATE.items():
            text = sql.replace('"', "`") if mysql else sql
            assert connection.exec_driver_sql(text).scalar() == 0, name
        assert len(_filled(connection)) == 43
    project.run(*seed, "downgrade", "base")
    with engine.connect() as connection:
        assert _filled(connection) == set()
