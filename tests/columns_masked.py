"""One column that is masked in memory, by a policy's entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import production
import pytest

from terp_seed.masking.boundary import Boundary
from terp_seed.masking.keys import Key
from terp_seed.masking.policy_file import load_policy
from terp_seed.rows.model import Block, Cells

__all__ = ["KEY", "mask"]

KEY = Key(bytes.fromhex(production.KEY))


@pytest.fixture(scope="module")
def mask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Any]]:
    """Mask the values of one column of a policy entry."""
    folder = tmp_path_factory.mktemp("policies")

    def mask(entry: str, values: list[Any], key: Key | None = KEY, start: int = 0) -> list[Any]:
        file = folder / "masking.toml"
        file.write_text(f"[tables.t]\nx = {{ {entry} }}\n", encoding="utf-8")
        masker = Boundary(load_policy(file), "dev", key).masker("t", ["x"])
        block = Block("t", start, start + len(values), {"x": Cells(values)})
        return list(masker.apply(block).columns["x"].values)

    return mask
