"""The masking key: where it comes from, what is refused, and that it never shows."""

from __future__ import annotations

import base64
import hmac
import pickle
import secrets
import traceback

import pytest

from terp_seed.errors import UsageError
from terp_seed.masking.keys import Key, keyed_digest

RAW = bytes.fromhex("9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a")


def key_from(**environ: str) -> Key | None:
    return Key.from_environment(environ)


def test_hex_base64_and_a_file_give_the_same_key(tmp_path):
    file = tmp_path / "mask.key"
    file.write_text(RAW.hex() + "\n")
    keys = [
        key_from(TERP_SEED_MASK_KEY=RAW.hex()),
        key_from(TERP_SEED_MASK_KEY=RAW.hex().upper()),
        key_from(TERP_SEED_MASK_KEY=base64.b64encode(RAW).decode()),
        key_from(TERP_SEED_MASK_KEY=base64.urlsafe_b64encode(RAW).decode().rstrip("=")),
        key_from(TERP_SEED_MASK_KEY_FILE=str(file)),
    ]
    assert len({key.id for key in keys}) == 1
    assert len({key.subkey("email") for key in keys}) == 1


def test_no_variable_is_no_key():
    assert key_from(OTHER="x") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("0123456789abcdef" * 2, "16 bytes"),
        ("changeme", "needs at least 32"),
        ("mysecret", "needs at least 32"),
        ("not hex, not base64!", "neither"),
        ("abc", "neither"),
        ("00" * 32, "like a sample"),
        ("deadbeef" * 8, "like a sample"),
        ("0123456789abcdef" * 4, "like a sample"),
        (bytes(range(32)).hex(), "like a sample"),
        (base64.b64encode(b"please-change-this-key-before-production").decode(), "like a sample"),
        (base64.b64encode(b"my very long and secret passphrase!!").decode(), "like a sample"),
    ],
)
def test_weak_keys_are_refused_without_being_repeated(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        key_from(TERP_SEED_MASK_KEY=text)
    shown = "".join(traceback.format_exception(caught.value))
    assert not text.strip() or len(text) < 6 or f"'{text}'" not in str(caught.value)
    assert len(text) < 20 or text not in shown


def test_both_variables_at_once_are_refused(tmp_path):
    with pytest.raises(UsageError, match="both set"):
        key_from(TERP_SEED_MASK_KEY=RAW.hex(), TERP_SEED_MASK_KEY_FILE=str(tmp_path))


@pytest.mark.parametrize("content", [None, b"\xff\xfe binary \x00" * 8, b"\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path, content):
    file = tmp_path / "mask.key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match="TERP_SEED_MASK_KEY_FILE") as caught:
        key_from(TERP_SEED_MASK_KEY_FILE=str(file))
    assert caught.value.__context__ is None or content is None


def test_a_key_never_shows_and_is_never_pickled():
    key = Key(RAW)
    assert RAW.hex() not in f"{key!r} {key} {key!s}"
    assert repr(key) == f"Key(id='{key.id}')"
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_the_id_tells_keys_apart_and_is_no_part_of_the_key():
    other = Key(secrets.token_bytes(32))
    assert Key(RAW).id != other.id
    assert Key(RAW).id not in RAW.hex()
    assert len(other.id) == 8


def test_sub_keys_of_two_domains_differ():
    key = Key(RAW)
    assert len({key.subkey(domain) for domain in ("a", "b", "ab", "a\0b")}) == 4


@pytest.mark.parametrize("length", [1, 32, 64, 65, 200])
def test_the_digest_is_hmac_sha_256(length):
    key = bytes(range(length % 256)) or b"k"
    for message in (b"", b"x", b"y" * 500):
        assert keyed_digest(key)(message) == hmac.digest(key, message, "sha256")
