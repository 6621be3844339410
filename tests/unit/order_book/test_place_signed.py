"""Orders and cancellations that somebody else brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from plimsoll.signing import ORDER_FIELDS, TYPES, Signer
from tests.unit.order_book.conftest import Desk
from tests.unit.support import System, build_system, deployer, last_event

KEY = Account.from_key(b"\x11" * 32)
STRANGER = Account.from_key(b"\x12" * 32)


def signer(system: System, key: Any = KEY, **changes: Any) -> Signer:
    terms = {
        "contract_name": "OrderBook",
        "contract": system.order_book.address,
        "chain_id": boa.env.evm.patch.chain_id,
    }
    return Signer(key, **{**terms, **changes})


@dataclass
class Signed:
    """What `KEY` has signed, and a relayer to bring it."""

    desk: Desk
    relayer: str

    @property
    def book(self) -> Any:
        return self.desk.system.order_book

    @property
    def later(self) -> int:
        return int(boa.env.timestamp) + 60

    def place(self, nonce: int = 0, fee: int = 0, by: Signer | None = None, order: Any = None, **changes: Any) -> int:
        order = order or self.desk.order().tuple_
        signature = (by or signer(self.desk.system)).placement(order, nonce, self.later, fee)
        args = {"order": order, "owner": KEY.address, "nonce": nonce, "deadline": self.later, "signature": signature}
        args |= {"fee": fee} if fee else {}
        return int(self.desk.system.as_(self.relayer, self.book.place_signed, *(args | changes).values()))

    def cancel(self, order_id: int, nonce: int = 100, fee: int = 0, by: Signer | None = None, **changes: Any) -> None:
        signature = (by or signer(self.desk.system)).cancellation(order_id, nonce, self.later, fee)
        args = {"id": order_id, "owner": KEY.address, "nonce": nonce, "deadline": self.later, "signature": signature}
        args |= {"fee": fee} if fee else {}
        self.desk.system.as_(self.relayer, self.book.cancel_signed, *(args | changes).values())


@pytest.fixture
def signed(desk: Desk) -> Signed:
    system = desk.system
    system.accounts["signs"] = KEY.address
    system.cash("signs", 1_000 * system.unit)
    return Signed(desk, system.account("relayer"))


def test_place_signed__is_the_owners_order_and_pays_the_relayer(signed: Signed) -> None:
    desk, unit = signed.desk, signed.desk.system.unit
    order = desk.order().tuple_
    order_id = signed.place(nonce=7, fee=unit // 4)
    event = last_event(signed.book, "OrderPlaced")
    assert (event.id, event.owner, tuple(event.order)) == (order_id, KEY.address, order)
    assert signed.book.order_state(order_id).owner == KEY.address
    assert tuple(signed.book.order(order_id)) == order
    assert signed.book.nonces_used(KEY.address, 0) == 1 << 7
    assert desk.free(signed.relayer) == unit // 4
    assert desk.free(KEY.address) == 950 * unit - unit // 4 - desk.fee
    assert desk.escrow == 50 * unit + desk.fee
    desk.new_price()
    assert desk.execute(order_id)


def test_place_signed__without_a_fee__costs_what_placing_costs(signed: Signed) -> None:
    signed.place()
    assert signed.desk.free(signed.relayer) == 0
    assert signed.desk.free(KEY.address) == 950 * signed.desk.system.unit - signed.desk.fee


def test_place_signed__nonces__go_in_any_order_each_once(signed: Signed) -> None:
    for nonce in (2**256 - 1, 5, 300, 4, 0):
        signed.place(nonce=nonce)
        with boa.reverts("nonce already used"):
            signed.place(nonce=nonce)
    assert signed.book.nonces_used(KEY.address, 0) == 0b110001
    assert signed.book.nonces_used(KEY.address, 1) == 1 << 44
    assert signed.book.nonces_used(KEY.address, 2**248 - 1) == 1 << 255
    assert signed.book.next_id() == 6


def test_place_signed__deadline__good_in_that_second(signed: Signed) -> None:
    with boa.env.anchor():
        order, deadline = signed.desk.order().tuple_, signed.later
        signature = signer(signed.desk.system).placement(order, 1, deadline)
        boa.env.time_travel(seconds=60)
        signed.book.place_signed(order, KEY.address, 1, deadline, signature)
    boa.env.time_travel(seconds=61)
    with boa.reverts("signature expired"):
        signed.book.place_signed(order, KEY.address, 1, deadline, signature)


@pytest.mark.parametrize(
    "change",
    [*[name for name, _ in ORDER_FIELDS], "owner", "nonce", "deadline", "fee", "chain", "contract", "name", "signer"],
)
def test_place_signed__anything_else_than_was_signed__reverts_and_moves_nothing(signed: Signed, change: str) -> None:
    system = signed.desk.system
    order = list(signed.desk.order(kind=1, trigger_price=10**18).tuple_)
    terms: dict[str, Any] = {"order": tuple(order), "fee": 5}
    names = [name for name, _ in ORDER_FIELDS]
    by = signer(system)
    if change in names:
        by_hand = by.placement(tuple(order), 0, signed.later, 5)
        i = names.index(change)
        other: dict[str, Any] = {"market": system.other_market.address, "kind": 2, "reduce_only": True}
        order[i] = other.get(change, order[i] + 1 if isinstance(order[i], int) else None)
        terms |= {"order": tuple(order), "signature": by_hand}
    elif change == "owner":
        terms |= {"owner": signed.desk.trader}
    elif change == "nonce":
        terms |= {"signature": by.placement(tuple(order), 1, signed.later, 5)}
    elif change == "deadline":
        terms |= {"deadline": signed.later + 1}
    elif change == "fee":
        terms |= {"signature": by.placement(tuple(order), 0, signed.later, 4)}
    elif change == "chain":
        terms |= {"by": signer(system, chain_id=by.chain_id + 1)}
    elif change == "contract":
        terms |= {"by": signer(system, contract=system.pool.address)}
    elif change == "name":
        terms |= {"by": signer(system, contract_name="MarginPool")}
    else:
        terms |= {"by": signer(system, STRANGER, owner=KEY.address)}
    with boa.reverts("bad signature"):
        signed.place(**terms)
    assert system.pool.balance_of(KEY.address) == 1_000 * system.unit
    assert (signed.desk.escrow, signed.book.next_id(), signed.book.nonces_used(KEY.address, 0)) == (0, 1, 0)


def test_place_signed__after_a_fork__the_other_chains_signature_is_void() -> None:
    # revm keeps one chain id
    with boa.swap_env(boa.Env()):
        system = build_system()
        system.accounts["signs"] = KEY.address
        system.cash("signs", 10 * system.unit)
        later = boa.env.timestamp + 60
        order = (system.market.address, 0, 1, 1, 0, 0, False, later)
        chain_id = boa.env.evm.patch.chain_id
        signatures = [signer(system, chain_id=i).placement(order, 0, later) for i in (chain_id, 424_242)]
        place = system.order_book.place_signed
        boa.env.evm.patch.chain_id = 424_242
        with boa.reverts("bad signature"):
            place(order, KEY.address, 0, later, signatures[0])
        assert place(order, KEY.address, 0, later, signatures[1]) == 1


@pytest.mark.parametrize("length", [0, 64, 66, 1_024])
def test_place_signed__signature_of_another_length__reverts(signed: Signed, length: int) -> None:
    order = signed.desk.order().tuple_
    signature = (signer(signed.desk.system).placement(order, 0, signed.later) * 16)[:length]
    with boa.reverts("bad signature"):
        signed.place(signature=signature)


def test_place_signed__for_nobody__reverts(signed: Signed) -> None:
    """A signature that recovers nobody is not the zero address's."""
    for signature in (b"", bytes(65)):
        with pytest.raises(boa.BoaError):
            signed.place(owner="0x" + "00" * 20, signature=signature)


def test_place_signed__high_s__reverts(signed: Signed) -> None:
    order = signed.desk.order().tuple_
    signature = signer(signed.desk.system).placement(order, 0, signed.later)
    order_of_curve = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order_of_curve - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
    with boa.reverts("ecdsa: invalid signature `s` value"):
        signed.place(signature=twin)


def test_place_signed__bad_order__reverts_as_placing_does(signed: Signed) -> None:
    with boa.reverts("size is zero"):
        signed.place(order=signed.desk.order(size_delta=0).tuple_)
    assert signed.book.nonces_used(KEY.address, 0) == 0


def test_place_signed__relayer_fee__bound_and_never_more_than_there_is(signed: Signed) -> None:
    desk, unit = signed.desk, signed.desk.system.unit
    with boa.reverts("relayer fee too big"):
        signed.place(fee=10 * unit + 1)
    everything = desk.order(margin=1_000 * unit - desk.fee).tuple_
    with boa.reverts("not enough free balance"):
        signed.place(fee=1, order=everything)
    signed.place(order=everything)
    signed.cancel(1, fee=10 * unit)
    assert desk.free(signed.relayer) == 10 * unit


def test_cancel_signed__gives_the_escrow_back_and_pays_from_it(signed: Signed) -> None:
    desk, unit = signed.desk, signed.desk.system.unit
    order_id = signed.place(order=desk.order(margin=1_000 * unit - desk.fee).tuple_)
    assert desk.free(KEY.address) == 0
    signed.cancel(order_id, fee=unit)
    assert (desk.free(KEY.address), desk.free(signed.relayer), desk.escrow) == (999 * unit, unit, 0)
    assert last_event(signed.book, "OrderCancelled").owner == KEY.address
    with boa.reverts("nonce already used"):
        signed.cancel(order_id)
    with boa.reverts("no such order"):
        signed.cancel(order_id, nonce=101)


def test_cancel_signed__foreign_order__reverts(signed: Signed) -> None:
    order_id = signed.desk.place()
    with boa.reverts("not your order"):
        signed.cancel(order_id)
    with boa.reverts("bad signature"):
        signed.cancel(order_id, owner=signed.desk.trader)
    assert signed.book.order_state(order_id).owner == signed.desk.trader


def test_cancel_signed__without_an_order__uses_up_the_nonce(signed: Signed) -> None:
    signed.cancel(0, nonce=3)
    with boa.reverts("nonce already used"):
        signed.place(nonce=3)


def test_cancel_signed__signature_for_placing__is_none_for_cancelling(signed: Signed) -> None:
    order_id = signed.place()
    placement = signer(signed.desk.system).placement(signed.desk.order().tuple_, 100, signed.later)
    with boa.reverts("bad signature"):
        signed.cancel(order_id, signature=placement)


def test_invalidate_nonces__voids_what_was_signed(signed: Signed) -> None:
    with boa.env.prank(KEY.address):
        signed.book.invalidate_nonces(0, 0b1010)
    event = last_event(signed.book, "NoncesInvalidated")
    assert (event.owner, event.word, event.mask) == (KEY.address, 0, 0b1010)
    with boa.env.prank(KEY.address):
        signed.book.invalidate_nonces(0, 0b0001)
    for nonce in (0, 1, 3):
        with boa.reverts("nonce already used"):
            signed.place(nonce=nonce)
    signed.place(nonce=2)
    with boa.env.prank(signed.desk.trader):
        signed.book.invalidate_nonces(0, 2**256 - 1)
    signed.place(nonce=4)


MAGIC = bytes.fromhex("1626ba7e") + bytes(28)


@pytest.mark.parametrize(
    ("answer", "is_good"),
    [(MAGIC, True), (bytes(32), False), (b"\x16\x26\xba\x7e", False), (b"\xff" * 32, False), (b"", False)],
    ids=["magic", "zero", "short", "other", "nothing"],
)
@pytest.mark.parametrize("length", [0, 65, 1_024])
def test_place_signed__contract_wallet__decides_itself(
    signed: Signed, answer: bytes, is_good: bool, length: int
) -> None:
    system = signed.desk.system
    wallet = deployer("StubWallet").deploy()
    system.accounts["wallet"] = wallet.address
    system.cash("wallet", 100 * system.unit)
    order, signature = signed.desk.order().tuple_, b"\x05" * length
    wallet.approve(_digest(signer(system, owner=wallet.address), order, 0, signed.later), signature, answer)
    place = signed.book.place_signed
    with boa.reverts("bad signature"):
        place(order, wallet.address, 0, signed.later, signature + b"x" if length < 1_024 else b"x", 0)
    if is_good:
        order_id = place(order, wallet.address, 0, signed.later, signature)
        assert signed.book.order_state(order_id).owner == wallet.address
    else:
        with boa.reverts("bad signature"):
            place(order, wallet.address, 0, signed.later, signature)


def _digest(by: Signer, order: Any, nonce: int, deadline: int) -> bytes:
    types = {name: [{"name": n, "type": t} for n, t in TYPES[name]] for name in ("Order", "Placement")}
    domain = {
        "name": "Plimsoll OrderBook",
        "version": "1",
        "chainId": by.chain_id,
        "verifyingContract": by.contract,
    }
    named = dict(zip((name for name, _ in ORDER_FIELDS), order, strict=True))
    message = {"order": named, "owner": by.owner, "nonce": nonce, "deadline": deadline, "relayer_fee": 0}
    signable = encode_typed_data(domain, types, message)
    return bytes(keccak(b"\x19" + signable.version + signable.header + signable.body))
