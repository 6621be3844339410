"""Cash into the pool and out of it."""

from __future__ import annotations

from typing import Any

from eth_abi import encode
from eth_account import Account
from eth_utils import keccak

from plimsoll.signing import Signer
from tests.invariants.calls import Contract
from tests.invariants.exchange import address_of, key_of
from tests.invariants.world.base import Base


class Pool(Base):
    def do_deposit(self, who: str, amount: int, receiver: str = "") -> bool:
        receiver = receiver or who
        _, refused = self._call(self.exchange.pool.deposit, amount, address_of(receiver), sender=who)
        return self._deposited(refused, receiver, amount)

    def _deposited(self, refused: str, receiver: str, amount: int) -> bool:
        if refused:
            assert refused in ("nothing to deposit", "erc20: transfer amount exceeds balance"), refused
            return False
        self.flows += amount
        self._to_free(receiver, amount)
        return True

    def do_deposit_permit(self, who: str, amount: int, is_valid: bool) -> bool:
        """With a permit; a wrong one does no harm while there is an allowance."""
        pool = self.exchange.pool
        permit = self._token_permit(pool, who, amount, is_valid)
        _, refused = self._call(pool.deposit_with_permit, amount, address_of(who), *permit, sender=who)
        self._approve(pool, who)
        return self._deposited(refused, who, amount)

    def _token_permit(self, spender: Contract, who: str, amount: int, is_valid: bool = True) -> tuple[Any, ...]:
        """deadline, v, r, s. It takes the place of the allowance that everybody has given: `_approve` afterwards."""
        deadline = self.now + 60
        if not is_valid:
            return deadline, 27, bytes(32), bytes(32)
        return deadline, *self._permit(self.exchange.token, who, spender.address, amount, deadline)

    def _approve(self, spender: Contract, who: str) -> None:
        self.exchange.token.approve(spender.address, 2**255, sender=address_of(who))

    def _permit(self, token: Contract, who: str, spender: str, amount: int, deadline: int) -> tuple[int, bytes, bytes]:
        separator = token.DOMAIN_SEPARATOR()
        kind = keccak(text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
        nonce = token.nonces(address_of(who))
        types = ["bytes32", "address", "address", "uint256", "uint256", "uint256"]
        content = keccak(encode(types, [kind, address_of(who), spender, amount, nonce, deadline]))
        signed = Account.unsafe_sign_hash(keccak(b"\x19\x01" + separator + content), key_of(who).key)
        return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")

    def do_withdraw(self, who: str, amount: int, receiver: str = "") -> bool:
        balance = self.exchange.pool.balance_of(address_of(who))
        to = address_of(receiver or who)
        _, refused = self._call(self.exchange.pool.withdraw, amount, to, sender=who)
        assert (refused == "") == (amount <= balance), refused
        if refused:
            return False
        self.flows -= amount
        self._to_free(who, -amount)
        return True

    def do_withdraw_signed(self, who: str, amount: int, fee: int, nonce: int, by: str, is_good: bool = True) -> bool:
        """By a relayer, who is paid beside it."""
        pool, deadline, owner = self.exchange.pool, self.now + 60, address_of(who)
        is_used = pool.nonces_used(owner, nonce >> 8) >> (nonce & 255) & 1
        fits = amount + fee <= pool.balance_of(owner)
        signature = self._signer(who if is_good else "owner", who, pool).withdrawal(amount, owner, fee, nonce, deadline)
        args = (owner, amount, owner, fee, nonce, deadline, signature)
        _, refused = self._call(pool.withdraw_signed, *args, sender=by)
        assert (refused == "") == (is_good and not is_used and fits), refused
        if refused:
            return False
        self.flows -= amount
        self._to_free(who, -amount)
        self._pay(who, by, fee)
        return True

    def do_donate(self, who: str, amount: int) -> None:
        """Tokens sent to the pool past its door."""
        _, refused = self._call(self.exchange.token.transfer, self.exchange.pool.address, amount, sender=who)
        if not refused:
            self.donated += amount
            self.last.is_donation = True

    def _signer(self, key: str, owner: str, contract: Contract) -> Signer:
        return Signer(
            key_of(key), contract.label, contract.address, self.chain.env.evm.patch.chain_id, address_of(owner)
        )

    def do_deposit_signed(self, who: str, amount: int, fee: int, nonce: int, by: str, is_good: bool = True) -> bool:
        """By a relayer, with a permit or the allowance that everybody has given."""
        pool, deadline = self.exchange.pool, self.now + 60
        is_used = pool.nonces_used(address_of(who), nonce >> 8) >> (nonce & 255) & 1
        signature = self._signer(who if is_good else "owner", who, pool).deposit(amount, fee, nonce, deadline)
        args = (amount, fee, nonce, deadline, signature, 27, bytes(32), bytes(32))
        _, refused = self._call(pool.deposit_signed, address_of(who), *args, sender=by)
        if refused in ("bad signature", "nonce already used", "relayer fee above the deposit"):
            assert not is_good or is_used or fee > amount
            return False
        if not self._deposited(refused, who, amount):
            return False
        assert is_good and not is_used
        self._pay(who, by, fee)
        return True

    def do_invalidate_nonces(self, who: str, word: int, mask: int) -> None:
        for contract in (self.exchange.book, self.exchange.pool):
            _, refused = self._call(contract.invalidate_nonces, word, mask, sender=who)
            assert not refused
            assert contract.nonces_used(address_of(who), word) & mask == mask
