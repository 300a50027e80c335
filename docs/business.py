"""Draw the business that a seeded TERP database tells of: six panels, one picture.

::

    pip install . --group docs
    python docs/business.py sqlite:///terp.db docs/images/business.png

The figures come from plain SELECTs; nothing is known of the seeders.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

Query = Callable[[str], Sequence[Sequence[Any]]]

AGES = ("not due", "1-30", "31-60", "61-90", "91-120", "over 120")
STATUSES = ("AWAITING_INTAKE", "LIVE", "ON_HOLD", "QUARANTINED", "SOLD_OUT", "CLOSED")
_CLIENTS = 15  # bars; the others are one bar together


@dataclass(frozen=True)
class Business:
    """The figures of the six panels."""

    as_of: date
    months: dict[str, float]
    """Invoiced by month, without void invoices."""
    clients: list[tuple[str, str, float]]
    """Code, name and revenue of each client, greatest first."""
    ages: dict[str, float]
    """What is still to be paid, by days past due."""
    stock: dict[str, tuple[int, float]]
    """Batches and pounds or units on hand, by status."""
    owed: dict[str, float]
    """What suppliers have billed and were not paid, by days past due."""
    talk: dict[str, dict[str, int]]
    """Returns and sample requests, by status."""


def business(query: Query) -> Business:
    """Read the figures; does not write."""
    today = _day(query("SELECT MAX(created_at) FROM orders")[0][0])
    return Business(
        today,
        _months(query),
        _clients(query),
        _ages(query, today, "invoices"),
        _stock(query),
        _ages(query, today, "bills"),
        {
            "returns": _counted(query, "returns", "status"),
            "sample requests": _counted(query, "sampleRequests", "sampleRequestStatus"),
        },
    )


def _months(query: Query) -> dict[str, float]:
    found: dict[str, float] = {}
    for day, amount in query(
        "SELECT invoiceDate, totalAmount FROM invoices WHERE status <> 'VOID' ORDER BY invoiceDate"
    ):
        month = f"{_day(day):%Y-%m}"
        found[month] = found.get(month, 0.0) + float(amount)
    return found


def _clients(query: Query) -> list[tuple[str, str, float]]:
    rows = query(
        "SELECT c.teri_code, c.name, SUM(i.totalAmount) AS revenue FROM invoices i"
        " JOIN clients c ON c.id = i.customerId WHERE i.status <> 'VOID'"
        " GROUP BY c.teri_code, c.name ORDER BY revenue DESC"
    )
    return [(str(code), str(name), float(revenue)) for code, name, revenue in rows]


def _counted(query: Query, table: str, status: str) -> dict[str, int]:
    rows = query(
        f"SELECT {status}, COUNT(*) AS number FROM {table} GROUP BY {status} ORDER BY 2 DESC"
    )
    return {str(found).replace("_", " ").capitalize(): int(number) for found, number in rows}


def _ages(query: Query, today: date, table: str) -> dict[str, float]:
    found = dict.fromkeys(AGES, 0.0)
    for due, amount in query(
        f"SELECT dueDate, amountDue FROM {table} WHERE status NOT IN ('VOID', 'PAID')"
    ):
        late = (today - _day(due)) // timedelta(1)
        found[AGES[0 if late <= 0 else min(5, 1 + (late - 1) // 30)]] += float(amount)
    return found


def _stock(query: Query) -> dict[str, tuple[int, float]]:
    found = {
        str(status): (int(number), float(quantity or 0))
        for status, number, quantity in query(
            "SELECT batchStatus, COUNT(*), SUM(onHandQty) FROM batches GROUP BY batchStatus"
        )
    }
    return {status: found.get(status, (0, 0.0)) for status in STATUSES}


def _day(value: Any) -> date:
    return date.fromisoformat(str(value)[:10])


def draw(shown: Business, path: str) -> None:
    """Draw the six panels into a file, whose ending says what kind."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, ((months, clients), (ages, owed), (stock, talk)) = plt.subplots(
        3, 2, figsize=(12, 12.4)
    )
    _draw_months(months, shown)
    _draw_clients(clients, shown)
    _draw_ages(ages, shown.ages, "Receivables: ${:.2f} million to be paid")
    _draw_ages(owed, shown.owed, "Bills of suppliers: ${:.2f} million to be paid")
    _draw_talk(talk, shown)
    _draw_stock(stock, shown)
    figure.suptitle(f"The seeded business, as of {shown.as_of}", fontsize=13, weight="bold")
    figure.tight_layout(rect=(0, 0, 1, 0.98), h_pad=2.5, w_pad=2.5)
    figure.savefig(path, dpi=110, metadata={"Software": None} if path.endswith("png") else None)
    plt.close(figure)


_BLUE, _PALE, _RED, _GREY = "#2f6690", "#9db9cf", "#b5483a", "#8a8f94"


def _draw_months(axes: Any, shown: Business) -> None:
    names = list(shown.months)
    axes.bar(range(len(names)), [shown.months[name] / 1000 for name in names], color=_BLUE)
    wanted = range(0, len(names), 3)
    labels = [f"{_day(f'{names[place]}-01'):%b %y}" for place in wanted]
    axes.set_xticks(list(wanted), labels)
    total = sum(shown.months.values())
    axes.set_title(f"Revenue by month: ${total / 1e6:.1f} million invoiced", loc="left")
    axes.set_ylabel("thousand dollars")


def _draw_clients(axes: Any, shown: Business) -> None:
    first, rest = shown.clients[:_CLIENTS], shown.clients[_CLIENTS:]
    bars = [(name, revenue, _colour(code)) for code, name, revenue in first]
    if rest:
        others = sum(revenue for _, _, revenue in rest)
        bars.append((f"{len(rest)} others", others, _GREY))
    places = range(len(bars))[::-1]
    axes.barh(places, [each[1] / 1000 for each in bars], color=[each[2] for each in bars])
    axes.set_yticks(list(places), [each[0] for each in bars], fontsize=8)
    axes.set_xlabel("thousand dollars")
    whales = sum(revenue for code, _, revenue in shown.clients if "-WHL-" in code)
    total = sum(revenue for _, _, revenue in shown.clients)
    axes.set_title(f"Revenue by client: {whales / total:.0%} from whales (dark)", loc="left")


def _colour(code: str) -> str:
    return _BLUE if "-WHL-" in code else _PALE


def _draw_ages(axes: Any, ages: dict[str, float], title: str) -> None:
    amounts = [ages[age] / 1000 for age in AGES]
    colours = [_BLUE, *[_PALE] * 4, _RED]
    bars = axes.bar(AGES, amounts, color=colours)
    axes.bar_label(bars, [f"${amount:,.0f}k" for amount in amounts], padding=2, fontsize=8)
    axes.set_xlabel("days past due")
    axes.set_ylabel("thousand dollars")
    axes.set_title(title.format(sum(amounts) / 1000), loc="left")
    axes.margins(y=0.12)


def _draw_stock(axes: Any, shown: Business) -> None:
    numbers = [shown.stock[status][0] for status in STATUSES]
    bars = axes.bar(
        [status.replace("_", "\n").capitalize() for status in STATUSES], numbers, color=_BLUE
    )
    labels = [f"{shown.stock[status][1]:,.0f}" for status in STATUSES]
    axes.bar_label(bars, labels, padding=2, fontsize=8)
    axes.set_ylabel("batches")
    axes.set_title(f"Stock by status: {sum(numbers)} batches (above: quantity on hand)", loc="left")
    axes.margins(y=0.12)


def _draw_talk(axes: Any, shown: Business) -> None:
    bars = [
        (f"{state} ({what})", number, _BLUE if what == "returns" else _PALE)
        for what, found in shown.talk.items()
        for state, number in found.items()
    ]
    places = range(len(bars))[::-1]
    axes.barh(places, [each[1] for each in bars], color=[each[2] for each in bars])
    axes.set_yticks(list(places), [each[0] for each in bars], fontsize=8)
    axes.set_title("Returns (dark) and sample requests, by status", loc="left")


def main(arguments: Sequence[str]) -> int:
    """Draw the database at a URL into a file."""
    if len(arguments) != 2:
        print("usage: python docs/business.py URL FILE.png", file=sys.stderr)
        return 2
    url, path = arguments
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        shown = business(lambda sql: connection.exec_driver_sql(sql).all())
    engine.dispose()
    draw(shown, path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
