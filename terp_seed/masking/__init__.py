"""The masking boundary: no row reaches a database, a script or a log without it.

Two paths, named by where rows come from.  *Synthetic* rows are made up by
generators and are held to reserved ranges.  *Imported* rows (files, hand
written rows, existing tables, and whatever does not say) are masked, column by
column, as the policy says.

What a key masks are pseudonyms.  They stay personal data for whoever holds
the key; a table is not out of the reach of data protection law for having
passed here.
"""

from __future__ import annotations

from terp_seed.masking.detect import ColumnFacts, Finding, lines_to_add
from terp_seed.masking.inventory import inventory
from terp_seed.masking.keys import Key
from terp_seed.masking.masker import Masker
from terp_seed.masking.policy import Policy
from terp_seed.masking.strategies import custom
from terp_seed.masking.substitutes import fingerprint

__all__ = [
    "ColumnFacts",
    "Finding",
    "Key",
    "Masker",
    "Policy",
    "custom",
    "fingerprint",
    "inventory",
    "lines_to_add",
]
