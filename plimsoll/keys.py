"""Keys of services: in this process, or at a signer that shows them to nobody.

A key of this process comes from a keystore file with a password file or from an environment variable. A signer is
asked over HTTP to sign 32 bytes: `POST <url>` with `{"address": "0x...", "digest": "0x..."}` answers `{"signature":
"0x..."}`, r, s and v in 65 bytes. A bridge to a key management service of any provider is a few lines of that form.
"""

import json
import os
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature
from eth_typing import ChecksumAddress
from eth_utils import to_bytes

from plimsoll import accounts
from plimsoll.config import Key
from plimsoll.errors import PlimsollError
from plimsoll.local_chain import LOCAL_CHAIN_ID

SIGNER_SECONDS = 2.0


class Signer(Protocol):
    """Whoever can sign 32 bytes as one address."""

    @property
    def address(self) -> ChecksumAddress: ...

    async def sign_hash(self, digest: bytes) -> tuple[int, int, int]:
        """v (27 or 28), r and low s over `digest`. PlimsollError if the signer does not give them."""
        ...


class LocalSigner:
    """A key in this process."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    @property
    def address(self) -> ChecksumAddress:
        return self._account.address

    async def sign_hash(self, digest: bytes) -> tuple[int, int, int]:
        signed = self._account.unsafe_sign_hash(digest)
        return signed.v, signed.r, signed.s


class HttpSigner:
    """A key behind HTTP. `token`, if there is one, is sent as a bearer token."""

    def __init__(self, url: str, address: ChecksumAddress, token: str | None = None) -> None:
        self.url = url
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def address(self) -> ChecksumAddress:
        return self._address

    async def sign_hash(self, digest: bytes) -> tuple[int, int, int]:
        request = {"address": self.address, "digest": "0x" + digest.hex()}
        limit = aiohttp.ClientTimeout(total=SIGNER_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit, headers=self._headers) as session,
                session.post(self.url, json=request) as response,
            ):
                response.raise_for_status()
                signature = to_bytes(hexstr=(await response.json())["signature"])
        except (aiohttp.ClientError, TimeoutError, KeyError, TypeError, ValueError) as error:
            raise PlimsollError(f"signer {self.url}: {error or type(error).__name__}") from None
        return self._checked(digest, signature)

    def _checked(self, digest: bytes, signature: bytes) -> tuple[int, int, int]:
        if len(signature) != 65:
            raise PlimsollError(f"signer {self.url}: a signature has 65 bytes, got {len(signature)}")
        r, s, v = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64] % 27
        if s > SECPK1_N // 2:  # the other of the two signatures, the one that contracts take
            s, v = SECPK1_N - s, 1 - v
        try:
            signer = Signature(vrs=(v, r, s)).recover_public_key_from_msg_hash(digest).to_checksum_address()
        except Exception:  # eth-keys raises several types for what is no signature
            signer = None
        if signer != self.address:
            raise PlimsollError(f"signer {self.url} did not sign as {self.address}")
        return v + 27, r, s


def open_key(key: Key) -> Signer:
    """The signer that an entry of the configuration names. PlimsollError, without the key, if it is not there."""
    if key.signer_url is not None:
        assert key.address is not None
        token = _read(key.token_file).strip() if key.token_file else None
        return HttpSigner(key.signer_url, key.address, token)
    if key.keystore is not None:
        assert key.password_file is not None
        return LocalSigner(_keystore(key.keystore, _read(key.password_file).rstrip("\n")))
    assert key.env is not None
    text = os.environ.get(key.env)
    if not text:
        raise PlimsollError(f"{key.env} is not set: it should hold a private key")
    try:
        return LocalSigner(Account.from_key(text))
    except Exception:  # eth-account raises several unrelated types; the key must not end up in a message
        raise PlimsollError(f"{key.env}: not a private key") from None


def local_account(chain_id: int, index: int, variable: str) -> LocalAccount:
    """Account `index` of the development mnemonic. PlimsollError on any chain but a local one: that key is public."""
    if chain_id != LOCAL_CHAIN_ID:
        raise PlimsollError(f"no key: set {variable}, or name one in the configuration")
    return accounts.dev_account(index)


def _keystore(path: Path, password: str) -> LocalAccount:
    try:
        content: Any = json.loads(_read(path))
        return Account.from_key(Account.decrypt(content, password))
    except PlimsollError:
        raise
    except Exception:  # eth-keyfile raises many types; none may show what was decrypted
        raise PlimsollError(f"{path}: not a keystore file, or the password is wrong") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlimsollError(f"{path} cannot be read: {error.strerror}") from None
