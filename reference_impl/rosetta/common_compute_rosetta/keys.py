"""Users' key pairs: made here, kept encrypted, shown by their public half only."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

LEAST_SECRET_CHARACTERS = 32


class SealBroken(Exception):
    """A kept key cannot be opened: the secret is another one, or somebody moved or changed what is kept."""


class WeakSecret(ValueError):
    """A secret is too short to keep keys with."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An ed25519 pair; `public_line` is that of an `authorized_keys` file, `sealed` the private half."""

    public_line: str
    fingerprint: str
    sealed: bytes = field(repr=False)


class Cabinet:
    """Makes pairs of keys and opens what is kept of them.

    `secrets` are texts of at least 32 characters: the first one locks, all of them open, so that a new one
    can be put in front of an old one. A pair opens for the subject only that it was made for.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or any(len(secret) < LEAST_SECRET_CHARACTERS for secret in secrets):
            raise WeakSecret(f"a secret has at least {LEAST_SECRET_CHARACTERS} characters")
        self._locks = MultiFernet([Fernet(_key(secret)) for secret in secrets])

    def new_pair(self, subject: Sequence[str], comment: str) -> KeyPair:
        """Make a pair for a subject, such as (facility, caller); the comment stands behind the public key."""
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        text = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        sealed = self._locks.encrypt(json.dumps({"subject": list(subject), "key": text}).encode())
        return KeyPair(f"{public} {comment}", fingerprint(public), sealed)

    def open(self, sealed: bytes, subject: Sequence[str]) -> str:
        """Give the private key, as the text of an OpenSSH file.

        Raises:
            SealBroken: it was not locked here, or not for this subject.
        """
        try:
            kept = json.loads(self._locks.decrypt(sealed))
        except (InvalidToken, ValueError) as error:
            raise SealBroken("the secret does not open this key") from error
        if kept["subject"] != list(subject):
            raise SealBroken("this key was made for somebody else")
        return str(kept["key"])


def is_private_key(text: str) -> bool:
    """Tell whether a text is a private key to log in with: ed25519, OpenSSH's form, no passphrase."""
    try:
        key = load_ssh_private_key(text.encode(), None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(key, Ed25519PrivateKey)


PRIVATE_KEY_WANTED = (
    "an ed25519 key without a passphrase, such as `ssh-keygen -t ed25519 -N '' -f FILE` makes"
)


def fingerprint(public_line: str) -> str:
    """Give a public key's fingerprint as ssh-keygen(1) shows it: `SHA256:` and base64 without padding."""
    digest = sha256(b64decode(public_line.split(" ")[1])).digest()
    return "SHA256:" + b64encode(digest).decode().rstrip("=")


def _key(secret: str) -> bytes:
    # A long random text needs no slow derivation, which is for what people can remember.
    return b64encode(sha256(b"common-compute keys\0" + secret.encode()).digest(), b"-_")
