"""Excerpts of real files load, show no drift and roll back, on every engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

from toys import Toy

DATA = Path(__file__).parent / "data"

Pair = Callable[..., Callable[[], None]]


def file(name: str) -> dict[str, bytes]:
    return {f"{name}_csv": (DATA / f"{name}.csv").read_bytes()}


def double(toy: Toy) -> str:
    return "DOUBLE PRECISION" if toy.postgresql else "DOUBLE"


def test_countries(toy: Toy, pair: Pair) -> None:
    names = ("alpha2", "english", "arabic", "chinese", "russian", "region", "ldc")
    down = pair(
        """
        left = ["Global Code", "Global Name", "Region Code", "Sub-region Code", "Sub-region Name",
                "Intermediate Region Code", "Intermediate Region Name",
                "Land Locked Developing Countries (LLDC)",
                "Small Island Developing States (SIDS)", "official_name_fr", "official_name_es"]
        names = {"Region Name": "region", "official_name_en": "english", "M49": "m49",
                 "ISO-alpha2 Code": "alpha2", "ISO3166-1-Alpha-3": "alpha3",
                 "Least Developed Countries (LDC)": "ldc", "official_name_ar": "arabic",
                 "official_name_cn": "chinese", "official_name_ru": "russian"}
        op.seed_file("countries", "countries.csv", key=["alpha3"], rename=names, omit=left)
        """,
        f"CREATE TABLE countries (id {toy.counted_key}, alpha3 CHAR(3) NOT NULL UNIQUE, "
        "alpha2 CHAR(2), m49 INTEGER NOT NULL, region VARCHAR(20), ldc CHAR(1), "
        "english VARCHAR(80), arabic VARCHAR(80), chinese VARCHAR(80), russian VARCHAR(80))",
        published={"countries": names},
        **file("countries"),
    )
    assert toy.rows("SELECT arabic, chinese, ldc FROM countries WHERE alpha3 = 'SDN'") == [
        ("السودان", "苏丹", "x")
    ]
    assert toy.value("SELECT alpha2 FROM countries WHERE alpha3 = 'NAM'") is None  # lost upstream
    down()


def test_currencies(toy: Toy, pair: Pair) -> None:
    down = pair(
        """
        names = {"Entity": "entity", "Currency": "name", "AlphabeticCode": "code",
                 "NumericCode": "number", "MinorUnit": "minor", "WithdrawalDate": "withdrawn"}
        op.seed_file("currencies", "currencies.csv", key=["entity", "name"], rename=names,
                     null="-", types={"minor": "int"})
        """,
        f"CREATE TABLE currencies (id {toy.counted_key}, entity VARCHAR(80) NOT NULL, "
        "name VARCHAR(80) NOT NULL, code VARCHAR(3), number VARCHAR(3), minor INTEGER, "
        "withdrawn VARCHAR(20), UNIQUE (entity, name))",
        published={"currencies": ["entity", "name", "code", "number", "withdrawn"]},
        **file("currencies"),
    )
    assert toy.rows("SELECT number, minor FROM currencies WHERE code IN ('ALL', 'XAU')") == [
        ("008", 2),
        ("959", None),
    ]
    assert toy.value("SELECT name FROM currencies WHERE code = 'ESB'").startswith('"A" Account')
    down()


def test_airports(toy: Toy, pair: Pair) -> None:
    """With ids of their own, yes and no, coordinates, and NA for North America."""
    names = ("ident", "kind", "name", "continent", "iso_country", "iso_region", "municipality")
    down = pair(
        """
        op.seed_file(
            "airports", "airports.csv", key=["ident"],
            rename={"type": "kind", "latitude_deg": "lat", "longitude_deg": "lon"},
            omit=["icao_code", "iata_code", "home_link", "wikipedia_link", "keywords"],
            types={"lat": "float", "lon": "float", "scheduled_service": "bool"},
        )
        """,
        "CREATE TABLE airports (id INTEGER PRIMARY KEY, ident VARCHAR(7) NOT NULL UNIQUE, "
        f"kind VARCHAR(20) NOT NULL, name VARCHAR(80), lat {double(toy)}, lon {double(toy)}, "
        "elevation_ft INTEGER, continent CHAR(2), iso_country CHAR(2), iso_region VARCHAR(7), "
        "municipality VARCHAR(60), scheduled_service BOOLEAN NOT NULL, gps_code VARCHAR(4), "
        "local_code VARCHAR(4))",
        published={"airports": [*names, "gps_code", "local_code", "lat", "lon"]},
        **file("airports"),
    )
    assert toy.rows("SELECT id, lat, lon, continent FROM airports WHERE ident = '00AZ'") == [
        (6527, 34.305599212646484, -112.16500091552734, "NA")
    ]
    assert toy.value("SELECT elevation_ft FROM airports WHERE ident = '01MD'") is None
    down()


def test_northwind(toy: Toy, pair: Pair) -> None:
    """Pictures in hexadecimal, the word NULL, and employees whose manager comes after them."""
    down = pair(
        """
        op.seed_file("categories", "categories.csv", key=["name"], null="NULL",
                     rename={"categoryID": "id", "categoryName": "name"},
                     types={"picture": "hex"})
        op.seed_file("employees", "employees.csv", key=["lastname"], null="NULL",
                     rename={"employeeID": "id", "lastName": "lastname", "hireDate": "hired",
                             "reportsTo": "boss"},
                     omit=["firstName", "titleOfCourtesy", "birthDate"],
                     types={"hired": "date"}, refs={"boss": "employees.id"})
        """,
        "CREATE TABLE categories (id INTEGER PRIMARY KEY, name VARCHAR(15) NOT NULL UNIQUE, "
        f"description VARCHAR(80), picture {'BYTEA' if toy.postgresql else 'BLOB'})",
        "CREATE TABLE employees (id INTEGER PRIMARY KEY, lastname VARCHAR(20) NOT NULL UNIQUE, "
        "title VARCHAR(30), hired DATE, boss INTEGER, "
        "FOREIGN KEY (boss) REFERENCES employees (id))",
        published={
            "categories": ["name", "description", "picture"],
            "employees": ["title", "lastname", "hired"],
        },
        categories_csv=(DATA / "northwind_categories.csv").read_bytes(),
        employees_csv=(DATA / "northwind_employees.csv").read_bytes(),
    )
    pictures = [value for (value,) in toy.rows("SELECT picture FROM categories ORDER BY id")]
    assert [None if found is None else bytes(found[:2]) for found in pictures] == [
        b"\x15\x1c",
        None,
        b"\x15\x1c",
    ]
    bosses = "SELECT e.lastname, b.lastname FROM employees e LEFT JOIN employees b ON b.id = e.boss"
    assert dict(toy.rows(bosses))["Suyama"] == "Buchanan"
    assert str(toy.value("SELECT hired FROM employees WHERE id = 2")) == "1992-08-14"
    down()


def test_a_spreadsheet(toy: Toy, pair: Pair) -> None:
    down = pair(
        """
        op.seed_file("prices", "prices.csv", key=["article"], delimiter=";", decimal=",",
                     encoding="cp1252",
                     rename={"Artikel": "article", "Bezeichnung": "wording", "Preis": "price",
                             "G\\u00fcltig ab": "since", "Aktiv": "active"},
                     types={"price": "decimal", "since": "date", "active": "bool"})
        """,
        f"CREATE TABLE prices (id {toy.counted_key}, article INTEGER NOT NULL UNIQUE, "
        "wording VARCHAR(40), price DECIMAL(9, 2), since DATE, active BOOLEAN)",
        published={"prices": ["wording"]},
        **file("prices"),
    )
    ((wording, price, since, active),) = toy.rows(
        "SELECT wording, price, since, active FROM prices WHERE article = 4711"
    )
    assert (wording, Decimal(str(price)), bool(active)) == ("Dose; klein", Decimal("1234.50"), True)
    assert str(since) == str(date(2026, 3, 1))
    down()
