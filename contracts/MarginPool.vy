# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title MarginPool
@license AGPL-3.0-only
@notice See IMarginPool. Cash changes its owner in `_move` and nowhere else; it enters in `_deposit` and leaves in `_withdraw`.
"""
from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from snekmate.auth import ownable
from snekmate.utils import eip712_domain_separator

from .interfaces import IMarginPool
from .modules import fixed_point
from .modules import permits
from .modules import signatures

implements: IMarginPool
initializes: ownable
initializes: eip712_domain_separator
initializes: signatures[eip712_domain_separator := eip712_domain_separator]
exports: (
    ownable.owner,
    ownable.transfer_ownership,
    eip712_domain_separator.eip712Domain,
    signatures.invalidate_nonces,
    signatures.nonces_used,
)

DEPOSIT_TYPE_HASH: constant(bytes32) = keccak256(
    "Deposit(address owner,uint256 amount,uint256 relayer_fee,uint256 nonce,uint256 deadline)"
)
WITHDRAWAL_TYPE_HASH: constant(bytes32) = keccak256(
    "Withdrawal(address owner,uint256 amount,address receiver,uint256 relayer_fee,uint256 nonce,uint256 deadline)"
)

# An engine's word: is engine 1 | is market 1 | unused 6 | drawn at 40 | mandate 104 | drawn 104
IS_ENGINE: constant(uint256) = 1 << 255
IS_MARKET: constant(uint256) = 1 << 254
CASH_BITS: constant(uint256) = 104
MAX_CASH: constant(uint256) = 2**CASH_BITS - 1
MAX_TIME: constant(uint256) = 2**40 - 1

token: public(immutable(address))
# a thousand million units of the currency, for tokens of up to 18 decimals below 2^104
MAX_MANDATE: immutable(uint256)

balance_of: public(HashMap[address, uint256])
total: public(uint256)
order_book: public(address)
vault: public(address)
engines: HashMap[address, uint256]
pull_allowance: transient(HashMap[address, uint256])


@deploy
def __init__(token_: address):
    ownable.__init__()
    eip712_domain_separator.__init__("Plimsoll MarginPool", "1")
    assert token_.is_contract, "token is not a contract"
    token = token_
    decimals: uint8 = staticcall IERC20Detailed(token_).decimals()
    assert decimals <= 18, "too many decimals"
    MAX_MANDATE = 10 ** (9 + convert(decimals, uint256))


# Anyone, for their own money


@external
def deposit(amount: uint256, receiver: address):
    self._deposit(msg.sender, amount, receiver)


@external
def deposit_with_permit(amount: uint256, receiver: address, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    permits.use(IERC20(token), msg.sender, amount, deadline, v, r, s)
    self._deposit(msg.sender, amount, receiver)


@external
def deposit_signed(
    owner: address,
    amount: uint256,
    relayer_fee: uint256,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[signatures.MAX_SIGNATURE],
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    # The permit alone would not do: with an allowance in place, anybody could move the owner's tokens here.
    struct_hash: bytes32 = keccak256(abi_encode(DEPOSIT_TYPE_HASH, owner, amount, relayer_fee, nonce, deadline))
    signatures.use(owner, nonce, deadline, struct_hash, signature)
    permits.use(IERC20(token), owner, amount, deadline, v, r, s)
    arrived: uint256 = self._deposit(owner, amount, owner)
    assert relayer_fee <= arrived, "relayer fee above the deposit"
    self._move(owner, msg.sender, relayer_fee)


@external
def withdraw(amount: uint256, receiver: address):
    self._withdraw(msg.sender, amount, receiver)


@external
def withdraw_signed(
    owner: address,
    amount: uint256,
    receiver: address,
    relayer_fee: uint256,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[signatures.MAX_SIGNATURE],
):
    struct_hash: bytes32 = keccak256(
        abi_encode(WITHDRAWAL_TYPE_HASH, owner, amount, receiver, relayer_fee, nonce, deadline)
    )
    signatures.use(owner, nonce, deadline, struct_hash, signature)
    self._move(owner, msg.sender, relayer_fee)
    self._withdraw(owner, amount, receiver)


@internal
def _withdraw(owner: address, amount: uint256, receiver: address):
    """
    @dev `owner` is the caller, or signed for this withdrawal.
    """
    balance: uint256 = self.balance_of[owner]
    assert amount <= balance, "not enough free balance"
    assert receiver not in [empty(address), self], "bad receiver"

    # amount <= balance <= total
    self.balance_of[owner] = unsafe_sub(balance, amount)
    self.total = unsafe_sub(self.total, amount)

    log IMarginPool.Withdrawn(account=owner, receiver=receiver, amount=amount)
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True), "token transfer failed"


@internal
def _deposit(payer: address, amount: uint256, receiver: address) -> uint256:
    """
    @dev `payer` is the caller, or signed for this deposit.
    """
    assert receiver not in [empty(address), self], "bad receiver"
    # An engine is credited by itself or by another engine only: nobody can move its books by a gift.
    assert receiver == payer or self.engines[receiver] == 0, "receiver is an engine"

    held: uint256 = staticcall IERC20(token).balanceOf(self)
    success: bool = extcall IERC20(token).transferFrom(payer, self, amount, default_return_value=True)
    assert success, "token transfer failed"
    # What arrived counts, not what was asked for: the token may take a fee.
    arrived: uint256 = staticcall IERC20(token).balanceOf(self) - held
    assert arrived > 0, "nothing to deposit"

    self.total += arrived
    # balance <= total
    self.balance_of[receiver] = unsafe_add(self.balance_of[receiver], arrived)
    log IMarginPool.Deposited(payer=payer, receiver=receiver, amount=arrived)
    return arrived


# The order book


@external
def collect(owner: address, amount: uint256):
    assert msg.sender == self.order_book, "only the order book"
    assert amount <= self.balance_of[owner], "not enough free balance"
    self._move(owner, msg.sender, amount)


@external
def allow_pull(market: address, amount: uint256) -> uint256:
    assert msg.sender == self.order_book, "only the order book"
    left: uint256 = self.pull_allowance[market]
    self.pull_allowance[market] = amount
    return left


@external
def release(receiver: address, amount: uint256):
    assert msg.sender == self.order_book, "only the order book"
    self._move(msg.sender, receiver, amount)


# Engines


@external
def pay(receiver: address, amount: uint256):
    engine: uint256 = self.engines[msg.sender]
    assert engine != 0, "only engines"
    self._move(msg.sender, receiver, amount)
    self._give_back(engine, receiver, amount)


# Markets


@external
def settle(pulled: uint256, payments: DynArray[IMarginPool.Payment, 6]):
    assert self.engines[msg.sender] & IS_MARKET != 0, "only markets"

    if pulled > 0:
        allowance: uint256 = self.pull_allowance[msg.sender]
        assert pulled <= allowance, "pull not allowed"
        self.pull_allowance[msg.sender] = unsafe_sub(allowance, pulled)
        self._move(self.order_book, msg.sender, pulled)

    for payment: IMarginPool.Payment in payments:
        self._move(msg.sender, payment.receiver, payment.amount)
        self._give_back(self.engines[msg.sender], payment.receiver, payment.amount)


@external
def draw(amount: uint256) -> uint256:
    market: uint256 = self.engines[msg.sender]
    assert market & IS_MARKET != 0, "only markets"
    vault: address = self.vault
    used: uint256 = self._used(market)
    paid: uint256 = min(amount, min(self._left(market, used), self.balance_of[vault]))

    self.engines[msg.sender] = self._with_used(market, used + paid)
    self._move(vault, msg.sender, paid)
    return paid


# The owner


@external
def set_roles(order_book: address, vault: address):
    ownable._check_owner()
    # Once and for all: a later order book could debit every trader.
    assert self.order_book == empty(address), "roles already set"
    assert order_book.is_contract and vault.is_contract and order_book != vault, "bad role"
    self.order_book = order_book
    self.vault = vault
    log IMarginPool.RolesSet(order_book=order_book, vault=vault)


@external
def set_engine(engine: address, is_engine: bool):
    ownable._check_owner()
    assert engine not in [empty(address), self], "bad engine"
    if is_engine:
        self.engines[engine] |= IS_ENGINE
    else:
        # Its cash is somebody's: an engine that still holds some must stay able to pay it out.
        assert self.balance_of[engine] == 0, "engine holds cash"
        self.engines[engine] = 0
    log IMarginPool.EngineSet(engine=engine, is_engine=is_engine)


@external
def set_mandate(market: address, mandate: uint256):
    ownable._check_owner()
    engine: uint256 = self.engines[market]
    assert engine != 0, "not an engine"
    assert mandate <= MAX_MANDATE, "mandate too big"
    used: uint256 = self._used(engine)
    self.engines[market] = self._with_used(IS_ENGINE | IS_MARKET | (mandate << CASH_BITS), used)
    log IMarginPool.MandateSet(market=market, mandate=mandate)


# Views


@view
@external
def is_engine(account: address) -> bool:
    return self.engines[account] != 0


@view
@external
def is_market(account: address) -> bool:
    return self.engines[account] & IS_MARKET != 0


@view
@external
def mandate(market: address) -> uint256:
    return (self.engines[market] >> CASH_BITS) & MAX_CASH


@view
@external
def mandate_left(market: address) -> uint256:
    engine: uint256 = self.engines[market]
    return self._left(engine, self._used(engine))


# Inside


@internal
def _move(sender: address, receiver: address, amount: uint256):
    balance: uint256 = self.balance_of[sender]
    assert amount <= balance, "not enough balance"
    self.balance_of[sender] = unsafe_sub(balance, amount)
    # Written first, read after: right for sender == receiver too. No sum exceeds `total`.
    self.balance_of[receiver] = unsafe_add(self.balance_of[receiver], amount)


@internal
def _give_back(engine: uint256, receiver: address, amount: uint256):
    """
    @dev What a market pays to the vault frees its mandate. `engine` is the caller's word.
    """
    used: uint256 = self._used(engine)
    # A market that has drawn nothing (and an engine without a mandate) is spared the look at the vault's address.
    if used > 0 and receiver == self.vault:
        self.engines[msg.sender] = self._with_used(engine, used - min(used, amount))


@view
@internal
def _used(engine: uint256) -> uint256:
    """
    @dev drawn - mandate * elapsed / DAY, rounded up in favour of the vault, never below zero.
    """
    drawn: uint256 = engine & MAX_CASH
    if drawn == 0:
        return 0
    mandate: uint256 = (engine >> CASH_BITS) & MAX_CASH
    elapsed: uint256 = block.timestamp - ((engine >> (2 * CASH_BITS)) & MAX_TIME)
    refilled: uint256 = fixed_point.mul_div_down(mandate, elapsed, fixed_point.DAY)
    return drawn - min(drawn, refilled)


@pure
@internal
def _left(engine: uint256, used: uint256) -> uint256:
    mandate: uint256 = (engine >> CASH_BITS) & MAX_CASH
    # After a cut of the mandate more may be drawn than it allows.
    return mandate - min(mandate, used)


@view
@internal
def _with_used(engine: uint256, used: uint256) -> uint256:
    """
    @dev used <= the greatest mandate ever set <= MAX_CASH.
    """
    kept: uint256 = engine & (IS_ENGINE | IS_MARKET | (MAX_CASH << CASH_BITS))
    return kept | (block.timestamp << (2 * CASH_BITS)) | used
