"""What searches for secrets finds them, in whatever form they were written down."""

import base64
import json
import os
import urllib.parse
from pathlib import Path

import pytest

from tests.secrets.needles import Needle, of_pem, search

TEXT = "planted \"quoted\"/'Ä'+42"
KEY = base64.b64encode(bytes(range(200, 232))).decode()
FORMS = {
    "raw": TEXT.encode(),
    "in the middle of bytes": b"\0\xff" * 50 + TEXT.encode() + b"\0\xfe",
    "JSON": json.dumps({"password": TEXT}).encode(),
    "JSON in UTF-8": json.dumps({"password": TEXT}, ensure_ascii=False).encode(),
    "a Python text": repr({"password": TEXT}).encode(),
    "a query": urllib.parse.urlencode({"password": TEXT}).encode(),
    "a path": urllib.parse.quote(f"/users/{TEXT}").encode(),
    "hexadecimal": f"0x{TEXT.encode().hex().upper()}".encode(),
    "base64": base64.b64encode(TEXT.encode()),
    "HTTP's Basic": base64.b64encode(f"anna:{TEXT}".encode()),
    "HTTP's Basic of another length": base64.b64encode(f"berta:{TEXT}:".encode()),
    "base64 for addresses": base64.urlsafe_b64encode(f"?? {TEXT}".encode()),
    "Erlang's list": str(list(TEXT.encode())).replace(" ", "").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_text_is_found(form: str, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    file = tmp_path / "below" / "file"
    file.write_bytes(b"first line\n" + FORMS[form] + b"\nlast line")
    assert {(found.needle.name, found.file) for found in search([Needle("it", "password", TEXT)], [tmp_path])} == {
        ("it", file)}


@pytest.mark.parametrize("written", [KEY.encode(), base64.b64decode(KEY), base64.b64decode(KEY).hex().encode()])
def test_a_key_is_found(written: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(5000) + written + os.urandom(5000))
    found, *_ = search([Needle("it", "key", KEY)], [tmp_path])
    assert found.offset == 5000


def test_a_private_key_is_found_by_any_of_its_lines(tmp_path: Path) -> None:
    lines = [base64.b64encode(os.urandom(48)).decode() for _ in range(3)]
    pem = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----",
                     "-----BEGIN CERTIFICATE-----", "A" * 64, "-----END CERTIFICATE-----"])
    needles = list(of_pem("it", "key", pem))
    assert [needle.text for needle in needles] == lines
    (tmp_path / "file").write_text(f"x{lines[1]}x")
    assert [found.needle.text for found in search(needles, [tmp_path])] == [lines[1]]


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(TEXT[:-2])
    assert search([Needle("it", "password", TEXT)], [tmp_path]) == []
