"""The Ed25519 key that seals reports: made once, kept where only its owner can read it."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from pausewatch.errors import SealError
from pausewatch.whole import write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PRIVATE_KEY_NAME = "report_signing_key.pem"
PUBLIC_KEY_NAME = "report_public_key.pem"


class Signer:
    """Signs manifests with an Ed25519 key. The private key never leaves this object and its file."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.public_pem = public_pem(private_key.public_key())
        self.fingerprint = fingerprint(private_key.public_key())

    @classmethod
    def load_or_create(cls, keys_folder: Path) -> Signer:
        """Return the signer of a keys folder; its key is made on first use (file mode 0600).

        Two processes that start at once agree: the key is written beside its place and linked into it, which only one
        of them can do; both then read what is there. The public key stands beside it, to be handed to inspectors.
        """
        path = keys_folder / PRIVATE_KEY_NAME
        try:
            if not path.exists():
                keys_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                _create_private_key(path)
            signer = cls(_read_private_key(path))
            _write_if_different(keys_folder / PUBLIC_KEY_NAME, signer.public_pem)
        except OSError as error:
            raise SealError(
                "the signing key can't be read or made",
                where=str(path),
                why=error.strerror or type(error).__name__,
                remedy="give the user that runs pausewatch read access, and write access to its folder",
            ) from error
        return signer

    def sign(self, content: bytes) -> bytes:
        """Return the raw 64-byte Ed25519 signature (RFC 8032) of some bytes."""
        return self._private_key.sign(content)

    def __repr__(self) -> str:
        """Return the signer by its fingerprint, never its key."""
        return f"Signer(fingerprint={self.fingerprint!r})"


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as PEM (SubjectPublicKeyInfo)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key's DER form, to compare over another channel."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def parse_public_key(pem: bytes, where: str) -> Ed25519PublicKey:
    """Return the Ed25519 public key a PEM text holds.

    Raises:
        SealError: the text is no such key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SealError("not a public key in PEM form", where=where) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SealError("not an Ed25519 public key", where=where)
    return key


def _create_private_key(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(beside)
    except FileExistsError:
        pass  # another process was first: its key is the one
    finally:
        beside.unlink()


def _read_private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    remedy = "put the right key back, or move it away to have a new one made (and hand out its public key)"
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SealError("not an unencrypted private key in PEM form", where=str(path), remedy=remedy) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SealError("not an Ed25519 private key", where=str(path), remedy=remedy)
    return key


def _write_if_different(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    write_whole(path, content)
