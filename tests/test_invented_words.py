"""Generated names and addresses are made of the project's own words, and of no one's name."""

from __future__ import annotations

import pytest
from toys import Toy

from terp_seed import faker_pool, invented
from terp_seed.errors import UsageError
from terp_seed.rows.pools import is_invented

POLICY = """version = 1
defaults.unlisted = "detect"

[tables.guests]
name = { class = "person_name" }
street = { class = "postal_address" }
"""

SEEDER = """
import sqlalchemy as sa
from terp_seed import SeedContext, code, computed, faker_pool, invented, pick, seeder

STREETS = invented(["Amber Row", "Linden Walk"])


def _read():
    engine = sa.create_engine({url!r}, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT name, street FROM people")))


@seeder("guests")
def guests(context: SeedContext):
    columns = {{"code": code("G-"), "name": {name}, "street": {street}}}
    return [context.table("guests", rows=20, key=("code",), columns=columns)]
"""
NAMES = 'pick(faker_pool("name", 50))'
PLACES = 'computed(lambda span: [f"{12 + row} {STREETS[row % 2]}" for row in span.rows()])'


@pytest.mark.parametrize(
    ("name", "street", "faulty"),
    [
        (NAMES, PLACES, ""),
        ("pick([name for name, _ in _read()])", PLACES, "guests.name"),
        ("computed(lambda span: [_read()[0].name for _ in span.rows()])", PLACES, "guests.name"),
        (NAMES, "pick([street for _, street in _read()])", "guests.street"),
        ("pick(invented([name for name, _ in _read()]))", PLACES, "top of a module"),
    ],
)
def test_a_generator_that_reads_production_does_not_get_through(
    toy: Toy, name: str, street: str, faulty: str
) -> None:
    toy.execute(
        "CREATE TABLE people (name VARCHAR(60), street VARCHAR(80))",
        "INSERT INTO people VALUES ('Xqzann Xqzsmith', 'Hauptstrasse 12')",
        f"CREATE TABLE guests (id {toy.counted_key}, code VARCHAR(20) NOT NULL UNIQUE, "
        "name VARCHAR(60), street VARCHAR(80))",
    )
    (toy.path / "seeds" / "masking.toml").write_text(POLICY)
    url = toy.db.url.render_as_string(hide_password=False)
    toy.only(
        "0001_guests", 'op.seed("guests")', head=SEEDER.format(url=url, name=name, street=street)
    )
    if not faulty:
        toy.upgrade()
        assert toy.value("SELECT COUNT(*) FROM guests") == 20
        return
    done = toy.alembic("-n", "seed", "upgrade", "head", check=False)
    assert done.returncode
    assert faulty in done.stdout
    assert "Xqz" not in done.stdout + done.stderr
    assert toy.value("SELECT COUNT(*) FROM guests") == 0


def test_words_are_declared_where_a_reviewer_sees_them() -> None:
    assert not is_invented("Quixwood Row")
    with pytest.raises(UsageError, match="top of a module"):
        invented(["Quixwood"])
    assert not is_invented("12 Quixwood Row")


def test_the_words_of_faker_are_made_up() -> None:
    assert all(map(is_invented, faker_pool("street_name", 40)))
    assert is_invented("42!")
