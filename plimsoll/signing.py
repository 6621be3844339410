"""What a trader signs for others to send: orders, cancellations, deposits, withdrawals, as EIP-712 messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

ORDER_FIELDS = (
    ("market", "address"),
    ("kind", "uint256"),
    ("size_delta", "int256"),
    ("margin", "uint256"),
    ("trigger_price", "uint256"),
    ("acceptable_price", "uint256"),
    ("reduce_only", "bool"),
    ("expires_at", "uint256"),
)
TERMS = (("nonce", "uint256"), ("deadline", "uint256"), ("relayer_fee", "uint256"))
TYPES: dict[str, tuple[tuple[str, str], ...]] = {
    "Order": ORDER_FIELDS,
    "Placement": (("order", "Order"), ("owner", "address"), *TERMS),
    "Cancellation": (("id", "uint256"), ("owner", "address"), *TERMS),
    "Deposit": (
        ("owner", "address"),
        ("amount", "uint256"),
        ("relayer_fee", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ),
    "Withdrawal": (
        ("owner", "address"),
        ("amount", "uint256"),
        ("receiver", "address"),
        ("relayer_fee", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ),
}


@dataclass(frozen=True)
class Signer:
    """Signs for one contract ("OrderBook" or "MarginPool") on one chain. A wallet has another `owner` than the key."""

    key: LocalAccount
    contract_name: str
    contract: str
    chain_id: int
    owner: str = ""

    def sign(self, kind: str, **message: Any) -> bytes:
        """The 65 bytes for a message of `kind`; the owner is filled in."""
        needed = {kind, "Order"} if kind == "Placement" else {kind}
        types = {name: [{"name": n, "type": t} for n, t in TYPES[name]] for name in needed}
        domain = {
            "name": f"Plimsoll {self.contract_name}",
            "version": "1",
            "chainId": self.chain_id,
            "verifyingContract": self.contract,
        }
        message = {"owner": self.owner or self.key.address, **message}
        return bytes(Account.sign_typed_data(self.key.key, domain, types, message).signature)

    def placement(self, order: tuple[Any, ...], nonce: int, deadline: int, relayer_fee: int = 0) -> bytes:
        """For `OrderBook.place_signed`."""
        named = dict(zip((name for name, _ in ORDER_FIELDS), order, strict=True))
        return self.sign("Placement", order=named, nonce=nonce, deadline=deadline, relayer_fee=relayer_fee)

    def cancellation(self, order_id: int, nonce: int, deadline: int, relayer_fee: int = 0) -> bytes:
        """For `OrderBook.cancel_signed`."""
        return self.sign("Cancellation", id=order_id, nonce=nonce, deadline=deadline, relayer_fee=relayer_fee)

    def deposit(self, amount: int, relayer_fee: int, nonce: int, deadline: int) -> bytes:
        """For `MarginPool.deposit_signed`."""
        return self.sign("Deposit", amount=amount, relayer_fee=relayer_fee, nonce=nonce, deadline=deadline)

    def withdrawal(self, amount: int, receiver: str, relayer_fee: int, nonce: int, deadline: int) -> bytes:
        """For `MarginPool.withdraw_signed`."""
        terms = {"relayer_fee": relayer_fee, "nonce": nonce, "deadline": deadline}
        return self.sign("Withdrawal", amount=amount, receiver=receiver, **terms)
