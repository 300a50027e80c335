"""The tables of the toy project, which the tests make and alter."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import LONGTEXT

metadata = sa.MetaData()

_OPTIONS = {
    f"{name}_{option}": value
    for name in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}
_LONG = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def _table(name: str, *columns: sa.Column[object] | sa.Constraint) -> sa.Table:
    return sa.Table(name, metadata, *columns, sqlite_autoincrement=name != "pairs", **_OPTIONS)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)


labels = _table(
    "labels",
    _id(),
    sa.Column("code", sa.String(20), nullable=False, unique=True),
    sa.Column("wording", sa.String(60)),
    sa.Column("place", sa.Integer),
    sa.Column("extra", sa.JSON),
    sa.Column("blob", sa.LargeBinary),
    sa.Column("body", _LONG),
    sa.Column("amount", sa.Numeric(8, 2)),
    sa.Column("day", sa.Date),
    sa.Column("moment", sa.DateTime),
    sa.Column("parent_id", sa.Integer),
)
pairs = _table(
    "pairs",
    sa.Column("left_code", sa.String(20), primary_key=True),
    sa.Column("right_code", sa.String(20), primary_key=True),
    sa.Column("weight", sa.Numeric(6, 2), nullable=False),
)
depots = _table(
    "depots",
    _id(),
    sa.Column("code", sa.String(20), nullable=False, unique=True),
    sa.Column("kind", sa.Enum("main", "branch", create_constraint=True, name="depots_kind")),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("price", sa.Numeric(8, 2), nullable=False),
    sa.Column("crate_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("opened", sa.Date, nullable=False),
)
crates = _table(
    "crates",
    _id(),
    sa.Column("code", sa.String(20), nullable=False, unique=True),
    sa.Column(
        "depot_id", sa.Integer, sa.ForeignKey("depots.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("weight", sa.Integer, nullable=False),
)
scans = _table("scans", _id(), sa.Column("crate_id", sa.Integer))
