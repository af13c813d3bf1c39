"""Password hashes as brokers keep them: only the password fits, and nothing breaks the check."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.sense.mqtt.password import ITERATIONS, hashed, matches

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(words, words)
def test_only_the_password_itself_fits(password: str, other: str) -> None:
    kept = hashed(password)
    assert matches(password, kept)
    assert matches(other, kept) == (other == password)
    assert kept != hashed(password), "each has a salt of its own"
    assert ":" not in kept and kept.isascii() and kept.isprintable()


@given(words, st.integers(1, 40))
def test_nothing_is_a_password_for_the_nuls_behind_it(password: str, nuls: int) -> None:
    assert not matches(password + "\0" * nuls, hashed(password))
    with pytest.raises(ValueError, match="NUL"):
        hashed(password + "\0" * nuls)


@given(words)
def test_the_form_is_that_of_mosquitto_passwd(password: str) -> None:
    empty, kind, iterations, salt, key = hashed(password).split("$")
    assert (empty, kind, int(iterations)) == ("", "7", ITERATIONS)
    raw = base64.b64decode(salt)
    assert len(raw) == 12
    again = hashlib.pbkdf2_hmac("sha512", password.encode(), raw, ITERATIONS)
    assert base64.b64decode(key) == again and len(again) == 64


@settings(max_examples=300)
@given(
    st.one_of(
        words,
        st.tuples(words, words, words).map(lambda t: "$7$" + "$".join(t)),
        st.tuples(
            st.sampled_from(["101", "0", "-1", "9" * 30, "x", ""]),
            st.sampled_from(["AAAA", "é", "=", ""]),
            st.sampled_from(["AAAA", "é", ""]),
        ).map(lambda t: "$7$" + "$".join(t)),
    )
)
def test_whatever_stands_in_the_file_lets_nobody_in(kept: str) -> None:
    assert not matches("secret", kept)


@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="no mosquitto_passwd here")
def test_a_hash_that_mosquitto_made_fits(tmp_path: Path) -> None:
    path = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(path), "u", "päss wörd"], check=True)
    kept = path.read_text().strip().split(":", 1)[1]
    if not kept.startswith("$7$"):
        pytest.skip(f"this mosquitto_passwd makes another form: {kept[:3]}")
    assert matches("päss wörd", kept) and not matches("pass word", kept)
