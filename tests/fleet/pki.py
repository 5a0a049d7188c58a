# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates for the tests, made by openssl."""

import pathlib
import subprocess

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Pki:
    """A CA, and what it signs, in a folder."""

    def __init__(self, folder: pathlib.Path, name: str = "ca") -> None:
        self.folder = folder
        self.ca = folder / f"{name}.pem"
        self._ca_key = folder / f"{name}.key"
        folder.mkdir(exist_ok=True)
        self._openssl("req", "-x509", *CURVE, "-subj", f"/CN={name}", "-days", "2",
                      "-out", self.ca, "-keyout", self._ca_key)

    def issue(self, name: str, *, addresses: list[str] | None = None, file: str | None = None) -> "Issued":
        """A certificate of that name. With addresses it is a server's, else a client's alone."""
        out = Issued(self.folder / f"{file or name}.pem", self.folder / f"{file or name}.key")
        request = self.folder / f"{name}.csr"
        self._openssl("req", *CURVE, "-subj", f"/CN={name}", "-out", request, "-keyout", out.key)
        usage = "serverAuth,clientAuth" if addresses else "clientAuth"
        names = ",".join([f"DNS:{name}", *(f"IP:{address}" for address in addresses or [])])
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"extendedKeyUsage={usage}\nsubjectAltName={names}\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._ca_key,
                      "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", out.certificate)
        return out

    def _openssl(self, *words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Issued:
    """A certificate and its key."""

    def __init__(self, certificate: pathlib.Path, key: pathlib.Path) -> None:
        self.certificate = certificate
        self.key = key

    def move_to(self, stem: pathlib.Path) -> "Issued":
        """The same, in the files STEM.pem and STEM.key, each replaced whole."""
        out = Issued(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        put_whole(out.key, self.key.read_text(), mode=0o600)
        put_whole(out.certificate, self.certificate.read_text())
        return out


def put_whole(path: pathlib.Path, text: str, *, mode: int = 0o644) -> None:
    """Who reads the file sees the old text or the new one, and never a part."""
    fresh = path.with_suffix(".fresh")
    fresh.touch(mode)
    fresh.write_text(text)
    fresh.rename(path)
