"""Certificates for tests, made by openssl: a CA, and what it signs for servers and clients."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Authority", "Pair"]


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files; `both` has the two in one, the key as PKCS #8."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """A CA of its own.

    Attributes:
        certificate: its PEM file.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.certificate, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate),
        )

    def sign(self, name: str, host: str = "IP:127.0.0.1", password: str = "") -> Pair:
        """A certificate for a name.

        Args:
            host: as in the extension subjectAltName.
            password: encrypts the key.
        """
        certificate, key, both = (self._folder / f"{name}.{end}" for end in ("pem", "key", "both.pem"))
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={host}\nextendedKeyUsage=serverAuth,clientAuth\n")
        _openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", key, "-out", request),
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial"),
            *("-days", "2", "-extfile", extensions, "-out", certificate),
        )
        both.write_text(key.read_text() + certificate.read_text())
        if password:
            _openssl("pkcs8", "-topk8", "-in", key, "-out", f"{key}.new", "-passout", f"pass:{password}")
            Path(f"{key}.new").replace(key)
        return Pair(certificate, key, both)


def _openssl(*argv: object) -> None:
    subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True)
