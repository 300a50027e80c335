"""National numbers, by the check digits that python-stdnum knows; bank codes and postcodes.

One number in ten or so passes a check digit by chance, so a single value proves nothing: a column
holds such numbers where nearly all of its distinct values pass one and the same check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from importlib import import_module

__all__ = ["code_of_column", "number_of_column"]

# Each check is one that a random text of its layout passes once in ten times at most.
_CHECKS = {
    "account": "iban es.ccc",
    "card": "luhn",
    "device": "imei",
    "tax_id": (
        "ar.cuit at.tin at.vnr au.tfn au.abn be.nn be.vat bg.egn br.cpf br.cnpj ca.sin ch.ssn "
        "ch.uid cl.rut cn.ric co.nit cz.rc de.idnr de.vat dk.cvr ec.ci ee.ik es.dni es.nie es.nif "
        "es.cif eu.vat fi.hetu fi.ytunnus fr.nir fr.tva fr.siren fr.siret gb.nhs gb.vat gr.amka "
        "gr.vat hr.oib hu.anum ie.pps il.idnr in_.aadhaar is_.kennitala it.codicefiscale it.iva "
        "kr.rrn lt.asmens lv.pvn mx.curp nl.bsn nl.btw no.fodselsnummer nz.ird pl.pesel pl.nip "
        "pl.regon pt.nif ro.cnp se.personnummer se.orgnr si.emso sg.uen th.pin tr.tckimlik "
        "ua.rntrc uy.rut vatin za.idnr"
    ),
}
_FEWEST = 10
"""Fewer distinct values may all pass by chance."""
_SHARE = 0.9
_MOST = 1000
_LEAST_DIGITS, _CARD_DIGITS = 8, range(13, 20)


def number_of_column(values: Collection[str]) -> tuple[str, str] | None:
    """The class and the check that at least 90 % of the distinct values pass, if there are ten.

    The values are those of one column; the check is named as python-stdnum names it.
    """
    distinct = sorted({value.strip() for value in values if value.strip()})
    step = len(distinct) // _MOST + 1
    sample = distinct[::step]
    if len(sample) < _FEWEST or not _may_be_numbers(sample):
        return None
    for kind, checks in _CHECKS.items():
        for check in checks.split():
            if _share(check, sample) >= _SHARE:
                return kind, check
    return None


def _may_be_numbers(sample: Collection[str]) -> bool:
    long = sum(sum(map(str.isdigit, text)) >= _LEAST_DIGITS - 1 for text in sample)
    return long >= _SHARE * len(sample)


def _share(check: str, sample: Collection[str]) -> float:
    try:
        is_valid = import_module(f"stdnum.{check}").is_valid
    except ImportError:  # a release of the library without this country
        return 0.0
    missed = 0
    for text in sample:
        missed += not (is_valid(_compact(text)) if check == "luhn" else is_valid(text))
        if missed > (1 - _SHARE) * len(sample):
            return 0.0
    return 1 - missed / len(sample)


def _compact(text: str) -> str:
    """The digits of what may be a card number; Luhn's sum alone holds for much else."""
    digits = text.replace(" ", "").replace("-", "")
    return digits if len(digits) in _CARD_DIGITS and digits[0] in "23456" else "x"


# Postcodes of digits alone, as most countries have them, look like any number.
_POSTCODES: dict[str, Callable[[str], object]] = {
    "at": lambda text: _passes("at.postleitzahl", text),
    "ca": re.compile(r"[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d").fullmatch,
    "gb": re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}").fullmatch,
    "nl": lambda text: _passes("nl.postcode", text),
}


def code_of_column(values: Collection[str]) -> tuple[str, str] | None:
    """The class of a column of bank codes or of one country's postcodes, and what they are.

    As of `number_of_column`, at least 90 % of ten distinct values must be such.
    """
    distinct = {value.strip().upper() for value in values if value.strip()}
    if len(distinct) < _FEWEST:
        return None
    if _most(_is_bic, distinct):
        return "account", "BIC"
    for country, is_postcode in _POSTCODES.items():
        if _most(is_postcode, distinct):
            return "postal_address", f"postcodes of {country.upper()}"
    return None


def _most(check: Callable[[str], object], texts: Collection[str]) -> bool:
    return sum(bool(check(text)) for text in texts) >= _SHARE * len(texts)


def _is_bic(text: str) -> bool:
    """Whether a text is spelt as a BIC, with the country where a BIC has it."""
    from phonenumbers import SUPPORTED_REGIONS

    return text[4:6] in SUPPORTED_REGIONS and _passes("bic", text)


def _passes(check: str, text: str) -> bool:
    return bool(import_module(f"stdnum.{check}").is_valid(text))
