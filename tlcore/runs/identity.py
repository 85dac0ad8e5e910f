"""Who somebody is: a pass that a browser keeps, signed so that nobody can make one up, or a login.

The pass holds 128 bits of chance and a signature (HMAC-SHA-256) by a key that lies beside the store and leaves it
never. Who takes the key away makes everybody a stranger.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from tlcore.errors import StoreError

KEY_FILE = "hosted.key"
KEY_BYTES = 32
_PASS = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")


def signing_key(folder: Path) -> bytes:
    """The key of the lab whose store lies in `folder`, made when it is asked for first.

    Raises:
        StoreError: it cannot be read or written.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            temporary = folder / f"{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, path)  # whoever comes second keeps the key of whoever came first
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(f"The key {path} cannot be read or written: {error.strerror}.") from None
    if len(key) != KEY_BYTES:
        raise StoreError(f"The key {path} is damaged: delete it, and everybody begins anew.")
    return key


def new_pass(key: bytes) -> str:
    """A pass for a new visitor."""
    identity = secrets.token_hex(16)
    return f"{identity}.{_signature(key, 'visitor', identity)}"


def visitor_of_pass(text: object, key: bytes) -> str | None:
    """The visitor a pass stands for, or None if it is forged, damaged or of another lab."""
    found = _PASS.fullmatch(text) if isinstance(text, str) else None
    if found is None or not hmac.compare_digest(found.group(2), _signature(key, "visitor", found.group(1))):
        return None
    return found.group(1)


def visitor_of_login(issuer: str, subject: str, key: bytes) -> str:
    """The visitor behind a login, the same in every browser."""
    return _signature(key, "login", f"{issuer}\n{subject}")[:32]


def owner_key(key: bytes) -> str:
    """The secret that makes a visitor the owner where nobody can sign in; the terminal shows it."""
    return _signature(key, "owner", "")


def is_owner_key(text: str, key: bytes) -> bool:
    """Whether somebody knows the owner's secret."""
    return hmac.compare_digest(text.strip().encode(), owner_key(key).encode())


def new_owner_key() -> tuple[str, str]:
    """A new secret for an owner who has no terminal on the server, and the mark by which the server knows it."""
    text = secrets.token_urlsafe(KEY_BYTES)
    return text, mark_of_owner_key(text)


def mark_of_owner_key(text: str) -> str:
    """What a server is given instead of the secret. It was drawn by chance, so that nobody finds it by trying."""
    return hashlib.sha256(f"owner's key\n{text.strip()}".encode()).hexdigest()


def has_owner_mark(text: str, mark: str) -> bool:
    """Whether somebody knows the secret with this mark."""
    return hmac.compare_digest(mark_of_owner_key(text).encode(), mark.encode())


def owner_mark(identity: str, key: bytes, shown: str = "") -> str:
    """What is kept of a visitor who has shown the owner's secret; worthless for anybody else.

    shown: the mark of the secret, if it was not the server's own; replaced by another, it makes nobody an owner.
    """
    return _signature(key, "owner's mark", f"{identity}\n{shown}" if shown else identity)


def is_kept_mark(kept: str | None, identity: str, key: bytes, mark: str | None) -> bool:
    """Whether what is kept of a visitor makes them the owner. mark: of a secret that holds beside the server's own."""
    valid = [owner_mark(identity, key), *([owner_mark(identity, key, mark)] if mark else [])]
    return kept is not None and any(hmac.compare_digest(kept.encode(), one.encode()) for one in valid)


def _signature(key: bytes, purpose: str, text: str) -> str:
    return hmac.new(key, f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()
