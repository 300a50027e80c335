"""The masking boundary: no row reaches a database, a script or a log without it.

Two paths, named by where rows come from.  *Synthetic* rows are made up by
generators and are held to reserved ranges.  *Imported* rows (files, hand
written rows, existing tables, and rows of unknown origin) are masked, column by
column, by the policy.

``boundary`` masks or proves a block, ``column_masks`` each column of it, ``policy`` and
``policy_file`` say what is done about each column, ``neutralisation`` what a copy must not do any
more, ``gaps`` finds columns that need a decision, ``propose`` names a class for one, ``decisions``
makes a valid entry of it, and ``policy_lines`` adds that to the file. A name is judged by
``column_names`` with the word lists of ``vocabulary``, content by ``live_values`` with
``phone_numbers`` and ``encodings``, and a sample also by ``national_numbers`` and ``person_names``.
``strategies`` lists the ways to mask, and ``proof`` holds generated values to the ranges in
``reserved``.  A strategy gets a `Site` and returns a `Mask` (``site``); ``approximations``,
``documents`` with ``document_keys``, ``ibans``, ``substitutes``, ``persons`` and ``tokens``
implement the longer ones, ``identities`` spells what names a row's subject or person, ``row_names``
takes the names of a row out of its texts, ``normal`` spells a value one way before it is masked,
and ``keys`` reads the masking key.

What a key masks are pseudonyms.  They stay personal data for whoever holds
the key: passing this boundary takes no table out of the reach of data
protection law.
"""

from __future__ import annotations

from terp_seed.masking.strategies import custom

__all__ = ["custom"]
