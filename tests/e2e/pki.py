"""Certificates, made by the openssl command."""

import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """An authority that is a folder."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        folder.mkdir()
        self.pem = folder / "ca.pem"
        openssl("req", "-x509", *self._new_key("ca"), "-out", self.pem, "-subj", f"/CN={name}", "-days", "30")

    def _new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.folder / f"{name}.key"]

    def issue(self, name, names=None, days=30):
        """(certificate, key) of a server; a negative number of days is one that is over."""
        stem = f"{name}{days}"
        request, certificate = self.folder / f"{stem}.csr", self.folder / f"{stem}.pem"
        openssl("req", *self._new_key(stem), "-out", request, "-subj", f"/CN={name}")
        extensions = self.folder / f"{stem}.ext"
        extensions.write_text(f"subjectAltName={names or 'DNS:' + name}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.folder / "ca.key", "-CAcreateserial",
                "-out", certificate, "-extfile", extensions, "-days", days)
        return certificate, self.folder / f"{stem}.key"
