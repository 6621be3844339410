"""Signed price observations as `PriceFeed` accepts them: EIP-712, one publisher's word on one feed at one second."""

from dataclasses import dataclass

from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PublicKey, Signature
from eth_typing import ChecksumAddress
from eth_utils import keccak, to_bytes

from plimsoll.keys import Signer

DOMAIN_NAME = "Plimsoll PriceFeed"
DOMAIN_VERSION = "1"
_DOMAIN_TYPE = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_OBSERVATION_TYPE = keccak(text="Observation(bytes32 feed,uint256 price,uint64 published_at)")


def feed_id(name: str) -> bytes:
    """The bytes32 that names a feed on the chain, for example of "BTC-USD"."""
    return keccak(text=name)


@dataclass(frozen=True)
class Observation:
    """A signed observation: `price` USD per base unit in WAD, `published_at` Unix seconds, `signer` who claims it."""

    feed: bytes
    price: int
    published_at: int
    v: int
    r: bytes
    s: bytes
    signer: ChecksumAddress

    def as_tuple(self) -> tuple[bytes, int, int, int, bytes, bytes]:
        """In the order of `IPriceFeed.SignedObservation`."""
        return self.feed, self.price, self.published_at, self.v, self.r, self.s

    def to_json(self) -> dict[str, object]:
        """For HTTP: bytes as hex, the price as a decimal string."""
        return {
            "feed": "0x" + self.feed.hex(),
            "price": str(self.price),
            "published_at": self.published_at,
            "v": self.v,
            "r": "0x" + self.r.hex(),
            "s": "0x" + self.s.hex(),
            "signer": self.signer,
        }

    @classmethod
    def from_json(cls, data: dict, signer: ChecksumAddress) -> "Observation":
        """What a publisher served; `signer` is who should have signed. ValueError for a missing or impossible field."""
        try:
            feed, r, s = (to_bytes(hexstr=data[name]) for name in ("feed", "r", "s"))
            price, published_at, v = (_whole(data[name]) for name in ("price", "published_at", "v"))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"malformed observation: {error}") from None
        is_ok = (
            len(feed) == len(r) == len(s) == 32 and 0 < price < 2**256 and 0 < published_at < 2**64 and v in (27, 28)
        )
        if not is_ok:
            raise ValueError("malformed observation: a field is out of range")
        return cls(feed, price, published_at, v, r, s, signer)


def _whole(value: object) -> int:
    """Of JSON: an integer or its digits. A float is neither: it may be infinite, and has lost digits before."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a whole number")
    return int(value)


@dataclass(frozen=True)
class Domain:
    """Where observations count: one chain, one PriceFeed."""

    chain_id: int
    price_feed: ChecksumAddress

    def separator(self) -> bytes:
        """The EIP-712 domain separator."""
        return keccak(
            _DOMAIN_TYPE
            + keccak(text=DOMAIN_NAME)
            + keccak(text=DOMAIN_VERSION)
            + self.chain_id.to_bytes(32)
            + to_bytes(hexstr=self.price_feed).rjust(32, b"\0")
        )

    def message(self, feed: bytes, price: int, published_at: int) -> SignableMessage:
        """What a publisher signs."""
        body = keccak(_OBSERVATION_TYPE + feed + price.to_bytes(32) + published_at.to_bytes(32))
        return SignableMessage(b"\x01", self.separator(), body)

    def digest(self, feed: bytes, price: int, published_at: int) -> bytes:
        """The 32 bytes under the signature."""
        message = self.message(feed, price, published_at)
        return keccak(b"\x19" + message.version + message.header + message.body)

    def sign(self, account: LocalAccount, feed: bytes, price: int, published_at: int) -> Observation:
        """`account`'s observation; eth-account signs with the low s that the contract asks for."""
        signed = account.unsafe_sign_hash(self.digest(feed, price, published_at))
        r, s = signed.r.to_bytes(32), signed.s.to_bytes(32)
        return Observation(feed, price, published_at, signed.v, r, s, account.address)

    async def observe(self, signer: Signer, feed: bytes, price: int, published_at: int) -> Observation:
        """`signer`'s observation. PlimsollError if it does not sign."""
        v, r, s = await signer.sign_hash(self.digest(feed, price, published_at))
        return Observation(feed, price, published_at, v, r.to_bytes(32), s.to_bytes(32), signer.address)

    def is_signed_by_its_signer(self, observation: Observation) -> bool:
        """Whether the signature is `observation.signer`'s."""
        numbers = observation.v - 27, int.from_bytes(observation.r), int.from_bytes(observation.s)
        digest = self.digest(observation.feed, observation.price, observation.published_at)
        try:
            public_key: PublicKey = Signature(vrs=numbers).recover_public_key_from_msg_hash(digest)
        except Exception:  # eth-keys raises several unrelated types for numbers that are no signature
            return False
        return public_key.to_checksum_address() == observation.signer
