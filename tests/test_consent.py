"""Consent that names a plan: what was approved is what runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from toys import Toy

from terp_seed.errors import GuardError, UsageError


@pytest.fixture
def staging(new_toy: Callable[..., Toy], database_url: str) -> Toy:
    return new_toy(database_url, stamp="staging")


def digest(toy: Toy, *words: str, x: tuple[str, ...] = ()) -> str:
    printed = toy.terp_seed("plan", *words, x=x).stdout.splitlines()[-1]
    found = printed.removeprefix("digest ")
    assert len(found) == 16
    assert toy.document("plan", *words, x=x)["consent"].startswith(found)
    return found


def test_the_approved_plan_runs_and_no_other(staging: Toy) -> None:
    approved = digest(staging)
    staging.upgrade("head", f"{staging.consent}@{approved[:8].upper()}")
    back = digest(staging, "--rollback", "base")
    with pytest.raises(GuardError, match="are not those that were approved"):
        staging.downgrade("base", f"{staging.consent}@{approved}")
    staging.downgrade("base", f"{staging.consent}@{back}")
    staging.data("labels.csv", "code,wording,place\nNEW,x,1\n")
    with pytest.raises(GuardError, match="are not those that were approved"):
        staging.upgrade("head", f"{staging.consent}@{approved}")
    assert staging.counts() == {}


def test_what_was_approved_met_other_rows_or_has_other_options(staging: Toy) -> None:
    staging.upgrade("head", staging.consent)
    approved = digest(staging, "--rollback", "base")
    for x in ("on-edited=delete", "on-dependents=keep", "backup=none"):
        with pytest.raises(GuardError, match="are not those that were approved"):
            staging.downgrade("base", f"{staging.consent}@{approved}", x)
    deleting = "on-edited=delete"
    approved = digest(staging, "--rollback", "base", x=(deleting,))
    staging.execute("UPDATE labels SET wording = 'mine' WHERE code = 'COLD'")
    with pytest.raises(GuardError, match="are not those that were approved"):
        staging.downgrade("base", f"{staging.consent}@{approved}", "backup=none", deleting)
    assert staging.value("SELECT wording FROM labels WHERE code = 'COLD'") == "mine"


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("@", "at least 8 characters"),
        ("@1234567", "at least 8 characters"),
        ("x@12345678", "was to be on"),
    ],
)
def test_a_digest_that_says_nothing_is_refused(staging: Toy, said: str, complaint: str) -> None:
    with pytest.raises(GuardError, match=complaint):
        staging.upgrade("head", f"{staging.consent}{said}")
    assert staging.counts() == {}


def test_a_command_without_a_plan_takes_the_name(staging: Toy) -> None:
    folder = staging.path / "backups"
    kept = (f"backup-folder={folder}", "backup=rows")
    staging.upgrade("head", staging.consent)
    staging.downgrade("base", staging.consent, *kept)
    (made,) = folder.iterdir()
    digested = f"{staging.consent}@12345678"
    refused = staging.terp_seed("restore", str(made), x=(digested,), code=5)
    assert "this command has no plan; give the name alone" in refused.output
    assert staging.counts() == {}
    staging.terp_seed("restore", str(made), x=(staging.consent,))
    assert staging.counts() != {}


@pytest.mark.parametrize("stamp", ["staging", "production"])
def test_a_project_may_ask_for_the_plan(
    new_toy: Callable[..., Toy],
    database_url: str,
    stamp: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A plan file says it too; where nothing is serious, nothing is asked."""
    toy = new_toy(database_url, stamp=stamp)
    toy.ini("consent = plan")
    said = f"is stamped {stamp}, and consent = plan in the section of alembic.ini"
    for command in ("upgrade", "downgrade"):
        target = "head" if command == "upgrade" else "base"
        with pytest.raises(GuardError, match=said):
            toy.call(command, target, x=(toy.consent,))
        words = () if command == "upgrade" else ("--rollback", "base")
        toy.call(command, target, x=(f"{toy.consent}@{digest(toy, *words)}",))
    plan = tmp_path_factory.mktemp("plans") / "plan.json"
    toy.terp_seed("plan", "--out", str(plan))
    toy.terp_seed("seed", "--plan", str(plan), x=(toy.consent,))
    for consent in (toy.consent, f"{toy.consent}@{digest(toy, '--rollback', 'base')}"):
        said = toy.terp_seed("reseed", "--yes", x=(consent,), code=5).output
        assert "a digest is of one plan" in said


def test_consent_is_a_word_that_is_known(sqlite_toy: Toy) -> None:
    sqlite_toy.ini("consent = always")
    with pytest.raises(UsageError, match="consent = always: must be name or plan"):
        sqlite_toy.upgrade()
