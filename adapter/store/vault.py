"""Secrets at rest: encrypted with a key that lies in a file beside the database, readable by the owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from adapter.store.errors import SecretLost, StoreUnavailable


class Vault:
    """Encrypts and decrypts short texts."""

    def __init__(self, *, key: bytes) -> None:
        try:
            self._fernet = Fernet(key)
        except ValueError as error:
            raise StoreUnavailable("The key file holds no valid key; restore it from a backup.") from error

    @classmethod
    def open(cls, path: Path) -> Vault:
        """Read the key file, or make it on the first start."""
        try:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_new(path, Fernet.generate_key())
            return cls(key=path.read_bytes().strip())
        except OSError as error:
            raise StoreUnavailable(f"The key file {path} cannot be read or made: {error.strerror}.") from error

    def encrypt(self, text: str | None) -> bytes | None:
        return None if text is None else self._fernet.encrypt(text.encode())

    def decrypt(self, secret: bytes | None) -> str | None:
        if secret is None:
            return None
        try:
            return self._fernet.decrypt(secret).decode()
        except InvalidToken as error:
            raise SecretLost(
                "A stored password cannot be decrypted: the key file does not belong to this database. "
                "Restore the key file from the same backup, or enter the passwords again."
            ) from error


def _write_new(path: Path, content: bytes) -> None:
    """Never readable by others, not even for the moment between making and protecting it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
