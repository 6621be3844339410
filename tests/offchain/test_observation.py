"""Signing: against eth-account's own EIP-712 code, and against a vector worked out once."""

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from plimsoll.observation import Domain, Observation, feed_id

ACCOUNT = Account.from_key("0x" + "42" * 32)
FEED_ADDRESS = Account.from_key("0x" + "07" * 32).address
DOMAIN = Domain(31337, FEED_ADDRESS)
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def signed(price: int = 102_000 * 10**18, second: int = 1_760_131_200) -> Observation:
    return DOMAIN.sign(ACCOUNT, feed_id("BTC-USD"), price, second)


def test_feed_id__is_the_hash_of_the_name() -> None:
    assert feed_id("BTC-USD") == keccak(text="BTC-USD")


def test_digest__is_that_of_eip_712() -> None:
    typed = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Observation": [
                {"name": "feed", "type": "bytes32"},
                {"name": "price", "type": "uint256"},
                {"name": "published_at", "type": "uint64"},
            ],
        },
        "primaryType": "Observation",
        "domain": {
            "name": "Plimsoll PriceFeed",
            "version": "1",
            "chainId": 31337,
            "verifyingContract": FEED_ADDRESS,
        },
        "message": {"feed": feed_id("BTC-USD"), "price": 102_000 * 10**18, "published_at": 1_760_131_200},
    }
    expected = encode_typed_data(full_message=typed)
    ours = DOMAIN.message(feed_id("BTC-USD"), 102_000 * 10**18, 1_760_131_200)
    assert (ours.version, ours.header, ours.body) == (expected.version, expected.header, expected.body)


def test_sign__recovers_to_the_publisher_with_low_s() -> None:
    observation = signed()
    message = DOMAIN.message(observation.feed, observation.price, observation.published_at)
    vrs = observation.v, int.from_bytes(observation.r), int.from_bytes(observation.s)
    assert Account.recover_message(message, vrs=vrs) == ACCOUNT.address == observation.signer
    assert int.from_bytes(observation.s) <= HALF_ORDER
    assert observation.v in (27, 28)


@pytest.mark.parametrize(
    "change",
    [{"price": 1}, {"published_at": 5}, {"feed": b"\1" * 32}, {"v": 29}, {"r": b"\0" * 32}, {"signer": FEED_ADDRESS}],
)
def test_is_signed_by_its_signer__anything_changed__is_false(change: dict) -> None:
    assert DOMAIN.is_signed_by_its_signer(signed())
    assert not DOMAIN.is_signed_by_its_signer(replace(signed(), **change))
    assert not Domain(1, FEED_ADDRESS).is_signed_by_its_signer(signed())


def test_json__round_trip() -> None:
    observation = signed()
    assert Observation.from_json(observation.to_json(), ACCOUNT.address) == observation


@pytest.mark.parametrize(
    "change",
    [
        {"price": float("inf")},
        {"price": 1.5},
        {"v": True},
        {"price": "-1"},
        {"price": "x"},
        {"r": "0x12"},
        {"v": 1},
        {"published_at": None},
    ],
)
def test_from_json__malformed__is_refused(change: dict) -> None:
    with pytest.raises(ValueError, match="malformed observation"):
        Observation.from_json({**signed().to_json(), **change}, ACCOUNT.address)


def test_from_json__missing_field__is_refused() -> None:
    data = signed().to_json()
    del data["s"]
    with pytest.raises(ValueError, match="malformed observation"):
        Observation.from_json(data, ACCOUNT.address)
