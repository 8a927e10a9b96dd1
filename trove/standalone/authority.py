"""The private certificate authority: made once, it vouches for the broker, and for the API where that is asked for.

``cryptography`` is heavy (8 MB), so it is imported only in the moment something has to be made. What the running
program has to know about its certificates (names, expiry) therefore stands in a small record beside them.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import pathlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from common import errors

from . import files

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

AUTHORITY_LIFE = datetime.timedelta(days=3650)
AUTHORITY_MARGIN = datetime.timedelta(days=800)
SERVER_LIFE = datetime.timedelta(days=397)
SERVER_MARGIN = datetime.timedelta(days=120)
CLOCK_SLACK = datetime.timedelta(days=1)
_MAKING = threading.Lock()
"""Broker and API have one authority, and threads of their own that renew their certificates."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Stands beside a PEM file: the hash of that file and of its issuer's, the names it is for, when it expires."""

    sha256: str
    issuer_sha256: str
    names: tuple[str, ...]
    not_after: datetime.datetime


class Authority:
    """Owns ``directory`` (0700): ``ca.key``, ``ca.pem``, and ``server``, which is key and certificate in one file, so
    that a reader never sees half of a renewal. ``names`` are the host names or addresses, besides loopback, under which
    that server is reached: the broker, or the API."""

    def __init__(self, directory: pathlib.Path, names: Sequence[str] = (), server: str = "server.pem") -> None:
        self.directory = directory
        self.names = tuple(dict.fromkeys((*LOOPBACK_NAMES, *names)))
        self.certificate = directory / "ca.pem"
        self.server = directory / server
        self._key = directory / "ca.key"

    def ensure(self) -> bool:
        """Makes what is missing, close to expiry or made for other names. True when the server certificate is new."""
        with _MAKING:
            return self._ensure()

    def _ensure(self) -> bool:
        files.directory(self.directory, 0o700)
        now = datetime.datetime.now(datetime.UTC)
        if not self._authority_holds(now):
            self._make_authority(now)
        if self._server_holds(now):
            return False
        self._make_server(now)
        return True

    def ca_pem(self) -> str:
        """The certificate that clients check the broker against."""
        return self.certificate.read_text()

    def _authority_holds(self, now: datetime.datetime) -> bool:
        record = _record_of(self.certificate)
        return record is not None and self._key.exists() and record.not_after - now > AUTHORITY_MARGIN

    def _server_holds(self, now: datetime.datetime) -> bool:
        record = _record_of(self.server)
        return (
            record is not None
            and record.names == self.names
            and record.issuer_sha256 == _sha256(self.certificate)
            and record.not_after - now > SERVER_MARGIN
        )

    def _make_authority(self, now: datetime.datetime) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        key = self._authority_key()
        # Named after its key: a renewal keeps the name, so guests that hold the older certificate go on trusting;
        # two installations on one machine differ.
        digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()
        name = _name(f"Trove private authority {digest[:12]}")
        certificate = (
            _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        files.write(self.certificate, pem, 0o644)
        self._record(self.certificate, (), certificate)

    def _authority_key(self) -> ec.EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        if self._key.exists():
            found = serialization.load_pem_private_key(self._key.read_bytes(), None)
            if not isinstance(found, ec.EllipticCurvePrivateKey):
                raise errors.HostFailed(f"{self._key} is not a key that this program made.", "Put the former one back.")
            return found
        key = ec.generate_private_key(ec.SECP256R1())
        files.write(self._key, _key_pem(key))
        return key

    def _make_server(self, now: datetime.datetime) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        issuer = self._authority_key()
        certificate = (
            _builder(_name(self.names[0]), authority.subject, key.public_key(), now, SERVER_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in self.names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
            .sign(issuer, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        files.write(self.server, _key_pem(key) + pem)
        self._record(self.server, self.names, certificate)

    def _record(self, path: pathlib.Path, names: tuple[str, ...], certificate: x509.Certificate) -> None:
        """Written last: a death before it leaves a record that does not fit, and the file is made again."""
        record = Record(
            sha256=_sha256(path),
            issuer_sha256=_sha256(self.certificate),
            names=names,
            not_after=certificate.not_valid_after_utc,
        )
        files.write(_record_path(path), msgspec.json.encode(record))


def _record_path(path: pathlib.Path) -> pathlib.Path:
    return path.with_suffix(".json")


def _record_of(path: pathlib.Path) -> Record | None:
    """The record beside ``path``, if it is there and describes the file as it is now."""
    try:
        record = msgspec.json.decode(_record_path(path).read_bytes(), type=Record)
        return record if record.sha256 == _sha256(path) else None
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    life: datetime.timedelta,
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
