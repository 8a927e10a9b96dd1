"""What one key sealed, that key alone opens, and only unchanged."""

import pickle

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from common import crypto
from common.crypto import KEY_BYTES, NONCE_BYTES, Key, Unopened, from_base64, random_id, to_base64
from common.secret import Secret

KEY = Key(bytes(range(KEY_BYTES)))
OTHER = Key.generate()


@given(st.binary(max_size=2000))
def test_what_was_sealed_opens(plain):
    assert KEY.open(KEY.seal(plain)) == plain
    assert KEY.open_text(KEY.seal_text(bytes(bytearray(plain)))) == plain


@given(st.binary(max_size=200), st.data())
def test_one_changed_bit_is_noticed(plain, data):
    sealed = bytearray(KEY.seal(plain))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unopened):
        KEY.open(bytes(sealed))


@given(st.binary(max_size=200), st.data())
def test_what_was_cut_or_lengthened_does_not_open(plain, data):
    sealed = KEY.seal(plain)
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for changed in (sealed[:cut], sealed[len(sealed) - cut:], sealed + b"\0"):
        with pytest.raises(Unopened):
            KEY.open(changed)


@given(st.binary(max_size=200))
def test_another_key_does_not_open(plain):
    with pytest.raises(Unopened):
        OTHER.open(KEY.seal(plain))


@given(st.text(max_size=100))
def test_any_other_text_does_not_open(text):
    with pytest.raises(Unopened):
        KEY.open_text(text)


def test_the_same_text_is_sealed_differently_every_time():
    assert len({KEY.seal(b"")[:NONCE_BYTES] for _ in range(100)}) == 100


def test_libsodium_opens_it():
    """The format is secretbox's own: nonce, then authenticated ciphertext."""
    from nacl.secret import SecretBox

    assert SecretBox(bytes(range(KEY_BYTES))).decrypt(KEY.seal(b"hello")) == b"hello"


def test_a_key_is_seen_nowhere():
    assert "AAEC" not in repr(KEY) + str(KEY) + f"{KEY}" + repr(KEY.text())
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


def test_a_key_is_written_in_base64():
    assert Key.from_text(KEY.text()) == KEY
    assert Key.from_text(KEY.text()) != OTHER


@pytest.mark.parametrize("text", [
    "", "AAEC", "no base64 at all!", "ä", to_base64(bytes(31)), to_base64(bytes(32)) + "\n",
])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match="key"):
        Key.from_text(Secret(text))


@given(st.binary(max_size=200))
def test_base64_is_one_line_and_back(data):
    text = to_base64(data)
    assert "\n" not in text
    assert from_base64(text) == data


def test_ids_are_32_hex_digits_and_never_the_same():
    ids = {random_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


@given(st.binary(max_size=200), st.binary(max_size=200), st.data())
def test_two_seals_put_together_do_not_open(one, two, data):
    first, second = KEY.seal(one), KEY.seal(two)
    place = data.draw(st.integers(1, min(len(first), len(second)) - 1))
    spliced = first[:place] + second[place:]
    assume(spliced not in (first, second))  # they begin or end alike now and then
    with pytest.raises(Unopened):
        KEY.open(spliced)


def test_what_is_sealed_as_text_is_wiped():
    plain = bytes(bytearray(b"a password"))
    sealed = KEY.seal_text(plain)
    assert plain == bytes(10)
    assert KEY.open_text(sealed) == b"a password"


@pytest.mark.parametrize("short", [b"", b"a"])
def test_bytes_that_all_of_python_shares_are_let_alone(short):
    crypto.wipe(short)
    assert short in (b"", bytes(bytearray(b"a")))
