"""The masking boundary: no row reaches a database, a script or a log without it.

Two paths, named by where rows come from.  *Synthetic* rows are made up by
generators and are held to reserved ranges.  *Imported* rows (files, hand
written rows, existing tables, and rows of unknown origin) are masked, column by
column, by the policy.

``boundary`` masks or proves a block, ``policy`` and ``policy_file`` say what is done about each
column, ``gaps`` finds columns that need a decision, by what ``column_names`` makes of a name and
``live_values`` of the content, ``decisions`` proposes what the policy could say of them and
``policy_lines`` adds it to the file, ``strategies`` lists the ways to mask, and ``proof`` holds
generated
values to the ranges in ``reserved``.  A strategy gets a `Site` and
returns a `Mask` (``site``); ``documents``, ``substitutes`` and ``tokens`` implement the longer
ones, ``normal`` spells a value one way before it is masked, and ``keys`` reads the masking key.

What a key masks are pseudonyms.  They stay personal data for whoever holds
the key: passing this boundary takes no table out of the reach of data
protection law.
"""

from __future__ import annotations

from terp_seed.masking.strategies import custom

__all__ = ["custom"]
