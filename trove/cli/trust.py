"""Which certificate of an API is the right one."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from common.errors import Invalid

_END = "-----END CERTIFICATE-----"
_BEGIN = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Trust:
    """``cacert``: PEM file of the authorities that vouch for the API, instead of the system's. ``certificate``: PEM
    file with the API's very certificate, where it is known: on its own machine the API may go by another name."""

    cacert: Path | None = None
    certificate: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Raises Invalid for a file that does not do."""
        file = self.cacert or self.certificate
        try:
            if self.cacert is None and self.certificate is not None:
                return _only(self.certificate.read_text())
            return ssl.create_default_context(cafile=self.cacert)
        except (OSError, ValueError) as error:
            why = "it holds no certificate" if isinstance(error, (ssl.SSLError, ValueError)) else error.strerror
            raise Invalid(f"The file {file}, by which the API's certificate is to be known, cannot be used: {why}.",
                          "Name a PEM file with --cacert or in OS_CACERT.") from None


def _only(pem: str) -> ssl.SSLContext:
    """Trusts the first certificate of the text and no other one, whatever name it is for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=pem[pem.index(_BEGIN):].partition(_END)[0] + f"{_END}\n")
    return context
