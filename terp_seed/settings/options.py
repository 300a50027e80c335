"""Settings of a run, resolved once: ``-x``, then the shell, then the ini section.

Nothing else is read: never ``DATABASE_URL``, never a ``.env`` file.  What a size means in rows, the
project's ``sizes.toml`` says.  A URL prints with its password hidden.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from alembic.config import Config
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from terp_seed.errors import UsageError

__all__ = [
    "ENVIRONMENTS",
    "Settings",
    "database_url",
    "default_size",
    "environment_name",
    "preset",
    "presets",
    "resolve",
    "x_arguments",
]

T = TypeVar("T")

ENVIRONMENTS = ("dev", "test", "staging", "production")
PROTECTED_DATABASES = (
    "prod",
    "prod[-_]*",
    "*[-_]prod",
    "*[-_]prod[-_.]*",
    "*production*",
    "*[-_]live",
)
"""How databases of production are called, unless ``protected_databases`` says otherwise."""
_ALIASES = {"development": "dev", "prod": "production", "testing": "test"}

_KEYS = {
    "url": "TERP_SEED_DATABASE_URL",
    "env": "TERP_SEED_ENV",
    "size": "TERP_SEED_SIZE",
    "scenario": "TERP_SEED_SCENARIO",
    "rows": "TERP_SEED_ROWS",
    "seed": "TERP_SEED_SEED",
    "as-of": "TERP_SEED_AS_OF",
    "lock-timeout": "TERP_SEED_LOCK_TIMEOUT",
    "yes": "TERP_SEED_YES",
    "backup": "TERP_SEED_BACKUP",
    "backup-folder": "TERP_SEED_BACKUP_FOLDER",
    "on-dependents": "TERP_SEED_ON_DEPENDENTS",
    "on-edited": "TERP_SEED_ON_EDITED",
    "on-conflict": "TERP_SEED_ON_CONFLICT",
}
_SHELL_ONLY = {
    "TERP_SEED_LOG",
    "TERP_SEED_LOG_FILE",
    "TERP_SEED_LOG_LEVEL",
    "TERP_SEED_MASK_KEY",
    "TERP_SEED_MASK_KEY_FILE",
}
_PLACES = {
    *("host", "port", "user", "passwd", "password", "db", "database"),
    *("read_default_file", "read_default_group"),
    *("hostaddr", "dbname", "service", "servicefile"),
}
"""Keys of a URL's query that a driver prefers to the URL itself."""
_INI_NAMES = {"url": "sqlalchemy.url"}
_NOT_IN_INI = {"yes"}  # consent is given for one run, never permanently

_COUNT = re.compile(r"[0-9]{1,18}")  # more digits than any table holds are a mistake

_CHOICES = {
    "on-dependents": ("abort", "keep"),
    "on-edited": ("abort", "delete", "keep"),
    "on-conflict": ("ours", "theirs"),
    "backup": ("rows", "dump", "both", "none"),
}


@dataclass(frozen=True)
class Settings:
    """The settings of a run.  None: not given, the default is chosen later."""

    chain: str
    url: URL
    home: Path
    """The environment's folder, ``seeds/``."""
    env: str | None = None
    size: str | None = None
    scenario: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    root_seed: int | None = None
    as_of: date | None = None
    as_of_moves: bool = False
    """Whether ``as_of`` was given relative to today, so that a reseed moves it on."""
    lock_timeout: float = 60.0
    yes: str | None = None
    backup: str | None = None
    backup_folder: str | None = None
    on_dependents: str | None = None
    on_edited: str | None = None
    on_conflict: str | None = None
    bookkeeping_schema: str | None = None
    version_table: str = "terp_seed_version"
    schema_section: str | None = None
    """The section with the schema's own revisions, which seed revisions may require."""
    schema_version_table: str = "alembic_version"
    ini: Path | None = None
    seeders: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """``module:metadata``: whose ``Column.info["pii"]`` adds to the masking policy."""
    protected_hosts: tuple[str, ...] = ()
    protected_databases: tuple[str, ...] = PROTECTED_DATABASES
    consent: str = "name"
    """What unattended runs in staging and production have to say: ``name``, or ``plan``."""
    explicit: frozenset[str] = frozenset()
    """The keys given by ``-x`` or the shell, not by the section or a default."""

    @property
    def data(self) -> Path:
        """The folder that ``op.seed_file`` reads from."""
        return self.home / "data"


def resolve(config: Config, home: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read every setting; raise `UsageError` for the first that is not usable."""
    _refuse_unknown_shell(environ)
    _refuse_misspelt(config)
    x = x_arguments(config)
    chosen = {key: _lookup(config, x, environ, key) for key in _KEYS}
    seconds = "a number of seconds from 0 to 86400"
    wait = _parse("lock-timeout", chosen["lock-timeout"], _seconds, seconds)
    return Settings(
        chain=config.config_ini_section,
        url=database_url(config, x, environ),
        home=home,
        env=environment_name(chosen["env"]) if chosen["env"] else None,
        size=chosen["size"],
        scenario=chosen["scenario"],
        rows=_row_counts(chosen["rows"]),
        root_seed=_parse("seed", chosen["seed"], int, "a whole number"),
        as_of=_parse("as-of", chosen["as-of"], _day, _DAY_FORMS),
        as_of_moves=(chosen["as-of"] or "").startswith("today"),
        lock_timeout=60.0 if wait is None else wait,
        yes=chosen["yes"],
        backup=_choice("backup", chosen["backup"]),
        backup_folder=chosen["backup-folder"],
        on_dependents=_choice("on-dependents", chosen["on-dependents"]),
        on_edited=_choice("on-edited", chosen["on-edited"]),
        ini=Path(config.config_file_name) if config.config_file_name else None,
        on_conflict=_choice("on-conflict", chosen["on-conflict"]),
        explicit=frozenset(key for key in _KEYS if key in x or environ.get(_KEYS[key])),
        **_section(config),
    )


def _section(config: Config) -> dict[str, Any]:
    chain = config.config_ini_section
    default = "terp_seed_version" if chain == "seed" else f"terp_seed_version_{chain}"
    return {
        "bookkeeping_schema": config.get_main_option("bookkeeping_schema") or None,
        "version_table": config.get_main_option("version_table") or default,
        "schema_section": config.get_main_option("schema_section") or None,
        "schema_version_table": config.get_main_option("schema_version_table") or "alembic_version",
        "seeders": _words(config.get_main_option("seeders")),
        "consent": _consent(config.get_main_option("consent")),
        "models": _words(config.get_main_option("models")),
        "protected_hosts": _words(config.get_main_option("protected_hosts")),
        "protected_databases": _words(config.get_main_option("protected_databases"))
        or PROTECTED_DATABASES,
    }


def _consent(value: str | None) -> str:
    if value not in (None, "name", "plan"):
        raise UsageError(f"consent = {value}: must be name or plan")
    return value or "name"


def x_arguments(config: Config) -> dict[str, str]:
    """The ``-x`` arguments; an unknown or a repeated key is an error."""
    given: dict[str, str] = {}
    for argument in getattr(config.cmd_opts, "x", None) or ():
        key, equals, value = argument.partition("=")
        if key not in _KEYS:
            raise UsageError(f"-x {key}: unknown key{_near(key, _KEYS)}")
        if not equals or not value:
            raise UsageError(f"-x {key}: has no value; write -x {key}=...")
        if key in given:
            raise UsageError(f"-x {key}: given twice; give it once")
        given[key] = value
    return given


def database_url(
    config: Config, x: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> URL:
    """The URL of the database; raise `UsageError` if there is none or it is not valid."""
    text = _lookup(config, x, environ, "url")
    if not text:
        raise UsageError(
            "no database: give -x url=..., set TERP_SEED_DATABASE_URL, or write "
            f"sqlalchemy.url into section [{config.config_ini_section}] of alembic.ini"
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UsageError(
            "the database URL cannot be read; write it as postgresql://user:password@host/database,"
            " mysql://user:password@host/database or sqlite:///file.db, with special characters of "
            "the password percent-encoded"
        ) from None
    elsewhere = sorted(key for key in _PLACES & url.query.keys() if not _is_socket(url, key))
    if elsewhere:
        raise UsageError(
            f"the database URL sets '{elsewhere[0]}' in its query string, where the safety checks "
            f"cannot see it; write {url.get_backend_name()}://user:password@host:port/database"
        )
    return url


def _is_socket(url: URL, key: str) -> bool:
    """Whether a key says in which folder the socket of this machine's own server is."""
    return key == "host" and all(value.startswith("/") for value in url.normalized_query[key])


def environment_name(text: str) -> str:
    """One of `ENVIRONMENTS` for a name or its alias; raise `UsageError` otherwise."""
    name = _ALIASES.get(text, text)
    if name not in ENVIRONMENTS:
        near = _near(text, (*ENVIRONMENTS, *_ALIASES))
        raise UsageError(f"env: {text!r} is not an environment{near}")
    return name


def _lookup(
    config: Config, x: Mapping[str, str], environ: Mapping[str, str], key: str
) -> str | None:
    if key in x:
        return x[key]
    if environ.get(_KEYS[key]):
        return environ[_KEYS[key]]
    if key in _NOT_IN_INI:
        return None
    return config.get_main_option(_INI_NAMES.get(key, key.replace("-", "_"))) or None


def _refuse_unknown_shell(environ: Mapping[str, str]) -> None:
    known = {*_KEYS.values(), *_SHELL_ONLY}
    for name in environ:
        if not name.startswith("TERP_SEED_") or name.startswith("TERP_SEED_TEST_"):
            continue
        if name not in known:
            raise UsageError(f"{name}: unknown environment variable{_near(name, known)}")


def _refuse_misspelt(config: Config) -> None:
    """Refuse a key of the section that is close to a known one; other keys pass."""
    known = {_INI_NAMES.get(key, key.replace("-", "_")) for key in _KEYS} | set(_section(config))
    section = config.config_ini_section
    given = config.file_config.options(section) if config.file_config.has_section(section) else ()
    for name in given:
        close = get_close_matches(name, known, n=1, cutoff=0.85)
        if close and name not in known:
            raise UsageError(f"[{section}] {name}: unknown key; did you mean {close[0]!r}?")


def _row_counts(text: str | None) -> dict[str, int]:
    counts: dict[str, int] = {}
    for part in filter(None, (text or "").split(",")):
        name, _, number = (piece.strip() for piece in part.partition(":"))
        if not name or not _COUNT.fullmatch(number) or name in counts:
            raise UsageError(
                f"rows: {part.strip()!r} is not usable; write -x rows=clients:5000,orders:20000, "
                "each name once"
            )
        counts[name] = int(number)
    return counts


def _parse(key: str, text: str | None, parse: Callable[[str], T], expected: str) -> T | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError:
        raise UsageError(f"{key}: {text!r} is not {expected}") from None


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 86400:
        raise ValueError
    return seconds


_RELATIVE = re.compile(r"today(?:([+-])(\d{1,5}))?")
_DAY_FORMS = "a date; write it as 2026-06-30, today, or today-7"


def _day(text: str) -> date:
    """A date, or one relative to this machine's today, in days."""
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        return date.fromisoformat(text)
    sign, days = relative.groups()
    try:
        return date.today() + timedelta(int(f"{sign}{days}") if sign else 0)
    except OverflowError:
        raise ValueError from None


def _choice(key: str, text: str | None) -> str | None:
    if text is not None and text not in _CHOICES[key]:
        raise UsageError(f"{key}: {text!r} is not possible{_near(text, _CHOICES[key])}")
    return text


def _words(text: str | None) -> tuple[str, ...]:
    return tuple((text or "").replace(",", " ").split())


def _near(word: str, known: Collection[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"


def default_size(environment: str) -> str:
    """The default size of a run: ``medium`` in staging, else ``small``."""
    return "medium" if environment == "staging" else "small"


def presets(home: Path) -> list[str]:
    """The names of all presets in ``sizes.toml``, in their order."""
    return list(_read(home / "sizes.toml"))


def preset(home: Path, size: str, rows: Mapping[str, int]) -> dict[str, int]:
    """The row counts of a preset in ``sizes.toml``, with ``rows`` on top.

    A project adds a preset by adding a table to the file.  Raises `UsageError` for a size or a name
    in ``rows`` that is not in the file.
    """
    known = _read(home / "sizes.toml")
    if size not in known:
        raise UsageError(
            f"size: {size!r} is not a preset of {home.name}/sizes.toml; it has {', '.join(known)}"
        )
    counts = dict(known[size])
    for name, number in rows.items():
        if name not in counts:
            raise UsageError(
                f"rows: preset {size!r} has no entry {name!r}; it has {', '.join(counts)}"
            )
        counts[name] = number
    return counts


def _read(path: Path) -> dict[str, dict[str, int]]:
    try:
        with path.open("rb") as file:
            presets = tomllib.load(file)
    except FileNotFoundError:
        return {"small": {}, "medium": {}, "large": {}}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path.name}: cannot be read: {error}") from None
    for size, counts in presets.items():
        if not isinstance(counts, dict):
            raise UsageError(f"{path.name}: {size!r} must be a table, as [{size}]")
        for name, number in counts.items():
            if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                raise UsageError(f"{path.name}: [{size}] {name} must be a whole number from 0")
    return presets
