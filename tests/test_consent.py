"""Who may write where: the guard matrix, one row a line."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable

import pytest
from toys import Toy

from terp_seed.errors import GuardError

NAME = "its name"  # stands for the database's name in the tables below


@pytest.mark.parametrize(
    ("stamp", "given", "refused"),
    [
        ("dev", None, None),
        ("test", None, None),
        ("staging", None, "there is no terminal to ask on; say that you mean it with -x yes="),
        ("staging", "another", "yes=another: this database is called"),
        ("staging", NAME, None),
        ("production", None, "there is no terminal to ask on"),
        ("production", "yes", "this database is called"),
        ("production", NAME, None),
    ],
)
def test_staging_and_production_want_their_name_said(
    new_toy: Callable[..., Toy],
    database_url: str,
    stamp: str,
    given: str | None,
    refused: str | None,
) -> None:
    """Without consent nothing is written, and nothing waits for an answer."""
    toy = new_toy(database_url, stamp=stamp)
    said = {None: (), NAME: (toy.consent,)}.get(given, (f"yes={given}",))
    before = toy.digests()
    if refused is None:
        toy.upgrade("head", *said)
        assert toy.version() is not None
        return
    with pytest.raises(GuardError, match=refused) as caught:
        toy.upgrade("head", *said)
    assert caught.value.exit_code == 5
    assert toy.digests() == before
    assert toy.version() is None


def test_consent_is_given_for_a_run_and_never_in_the_ini(
    new_toy: Callable[..., Toy], sqlite_url: str
) -> None:
    """A line in alembic.ini would consent to every run there will ever be."""
    toy = new_toy(sqlite_url, stamp="staging")
    ini = toy.path / "alembic.ini"
    ini.write_text(ini.read_text() + f"\n{toy.consent.replace('=', ' = ')}\n")
    with pytest.raises(GuardError, match="no terminal"):
        toy.upgrade()


@pytest.mark.parametrize(("typed", "code"), [(NAME, 0), ("no", 255)])
def test_on_a_terminal_the_name_is_typed(
    new_toy: Callable[..., Toy], sqlite_url: str, typed: str, code: int
) -> None:
    """The question names the revisions and their rows; another word than the name is no."""
    toy = new_toy(sqlite_url, stamp="staging")
    name = toy.consent.removeprefix("yes=")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        toy.command("alembic", "-n", "seed", "-x", f"url={sqlite_url}", "upgrade", "head"),
        cwd=toy.path,
        env=toy.environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while b"Type the database's name" not in said:
        said += os.read(ours, 4096)
    os.write(ours, f"{name if typed == NAME else typed}\n".encode())
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:
            break
    os.close(ours)
    assert process.wait(timeout=30) == code
    assert b"seed 0002_depots" in said
    assert (toy.version() is not None) == (code == 0)
