# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Vault
@license AGPL-3.0-only
@notice See IVault.
"""
from ethereum.ercs import IERC20Detailed
from snekmate.auth import ownable
from snekmate.tokens import erc20

from .interfaces import IMarket
from .interfaces import IVault
from .modules import capital
from .modules import exit_window
from .modules import fixed_point
from .modules import market_list
from .modules import permits
from .modules import pool_account
from .modules import share_locks

implements: IVault
initializes: ownable
initializes: erc20[ownable := ownable]
initializes: market_list
initializes: pool_account
initializes: capital[market_list := market_list, pool_account := pool_account]
initializes: share_locks
initializes: exit_window[market_list := market_list]
exports: (
    ownable.owner,
    ownable.transfer_ownership,
    # ERC-20. Not its mint, burn and minter role: shares come from deposits and go by redemption. What moves shares is below.
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.approve,
    # ERC-2612
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
)

MAX_MARKETS: constant(uint256) = 8
MIN_COOLDOWN: constant(uint256) = 60
MAX_COOLDOWN: constant(uint256) = 30 * 86_400
MAX_DEPOSIT_LOCK: constant(uint256) = 86_400
MAX_CASH: constant(uint256) = 2**104 - 1
MAX_SUPPLY: constant(uint256) = 2**150  # times MAX_CASH fits a word

# Shares that nobody holds, against one base unit that nobody deposited: whoever is first cannot inflate the price.
SHARE_DECIMALS: constant(uint256) = 6  # more than the asset has
VIRTUAL_SHARES: constant(uint256) = 10**SHARE_DECIMALS
VIRTUAL_ASSETS: constant(uint256) = 1

cooldown: public(uint256)
deposit_lock: public(uint256)
deposit_cap: public(uint256)
request: public(HashMap[uint256, IVault.RedeemRequest])
next_request_id: public(uint256)
round: public(IVault.Round)


@deploy
def __init__(pool: address, cooldown: uint256, deposit_lock: uint256):
    ownable.__init__()
    pool_account.__init__(pool)
    decimals: uint8 = staticcall IERC20Detailed(pool_account.TOKEN.address).decimals()
    erc20.__init__(
        "Plimsoll Vault", "PLV", decimals + convert(SHARE_DECIMALS, uint8), "Plimsoll Vault", "1"
    )
    self.next_request_id = 1
    self._set_cooldown(cooldown)
    self._set_deposit_lock(deposit_lock)
    self._set_deposit_cap(MAX_CASH)


# Anyone, with their own tokens


@external
def deposit(assets: uint256, receiver: address, min_shares: uint256 = 0) -> uint256:
    return self._deposit(assets, receiver, min_shares)


@external
def deposit_with_permit(
    assets: uint256, receiver: address, min_shares: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
) -> uint256:
    permits.use(pool_account.TOKEN, msg.sender, assets, deadline, v, r, s)
    return self._deposit(assets, receiver, min_shares)


@external
def mint(shares: uint256, receiver: address, max_assets: uint256 = max_value(uint256)) -> uint256:
    worth: uint256 = self._worth_for_deposit()
    assert shares <= MAX_SUPPLY, "too many shares"
    assets: uint256 = self._to_assets_up(shares, worth)
    assert assets > 0, "amount too small"
    assert assets <= max_assets, "above maximum"
    arrived: uint256 = pool_account._pull(msg.sender, assets)
    assert arrived == assets, "token takes a fee"

    self._enter(receiver, assets, shares, worth)
    return assets


@internal
def _deposit(assets: uint256, receiver: address, min_shares: uint256) -> uint256:
    worth: uint256 = self._worth_for_deposit()
    arrived: uint256 = pool_account._pull(msg.sender, assets)
    shares: uint256 = self._to_shares(arrived, worth)
    assert shares > 0, "amount too small"
    assert shares >= min_shares, "below minimum"

    self._enter(receiver, arrived, shares, worth)
    return shares


@internal
def _enter(receiver: address, assets: uint256, shares: uint256, worth: uint256):
    # What lies with the vault has been asked out.
    assert receiver not in [empty(address), self], "bad receiver"
    assert worth + assets <= self.deposit_cap, "above the deposit cap"
    assert erc20.totalSupply + shares <= MAX_SUPPLY, "too many shares"

    erc20._mint(receiver, shares)
    log IVault.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)
    length: uint256 = self.deposit_lock
    if length > 0:
        until: uint256 = share_locks._lock(receiver, shares, length)
        log IVault.SharesLocked(owner=receiver, shares=shares, until=until)


@external
def donate(amount: uint256) -> uint256:
    # In every state: it can only help those whom the vault owes and those who are in.
    arrived: uint256 = pool_account._pull(msg.sender, amount)
    log IVault.Donated(sender=msg.sender, assets=arrived)
    return arrived


# Holders of shares


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move_shares(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    erc20._spend_allowance(owner, msg.sender, amount)
    self._move_shares(owner, to, amount)
    return True


@internal
def _move_shares(owner: address, to: address, amount: uint256):
    # What lies with the vault has been asked out: redemptions divide what is free by it.
    assert to != self, "bad receiver"
    self._check_unlocked(owner, amount)
    erc20._transfer(owner, to, amount)


@external
def request_redeem(shares: uint256, receiver: address = msg.sender, min_assets: uint256 = 0) -> uint256:
    assert shares > 0, "shares are zero"
    assert receiver not in [empty(address), self, pool_account.POOL.address], "bad receiver"
    assert min_assets <= MAX_CASH, "minimum too big"
    self._check_unlocked(msg.sender, shares)
    erc20._transfer(msg.sender, self, shares)

    id: uint256 = self.next_request_id
    self.next_request_id = id + 1
    ready_at: uint256 = block.timestamp + self.cooldown
    self.request[id] = IVault.RedeemRequest(
        owner=msg.sender, shares=shares, receiver=receiver, min_assets=min_assets, ready_at=ready_at, round=0
    )
    log IVault.RedeemRequested(
        id=id, owner=msg.sender, shares=shares, receiver=receiver, min_assets=min_assets, ready_at=ready_at
    )
    return id


# Anyone, for whoever has asked


@external
def redeem_request(id: uint256) -> uint256:
    request: IVault.RedeemRequest = self.request[id]
    assert request.owner != empty(address), "no such request"
    assert block.timestamp >= request.ready_at, "wait: cooldown"
    assert not self._is_lapsed(request), "request lapsed"
    net: int256 = 0
    are_settled: bool = False
    free: uint256 = 0
    net, are_settled, free = capital._net_and_free()
    assert are_settled, "wait: market not settled"
    worth: uint256 = fixed_point.positive(net)
    round: uint256 = 0
    fraction: uint256 = 0
    round, fraction = self._take_round(worth, free)
    assert request.round != round, "wait: next round"

    shares: uint256 = 0
    assets: uint256 = 0
    shares, assets = self._part(request.shares, fraction, worth, free)
    if assets == 0:
        return 0
    # min_assets * shares / (shares of the request), rounded up in favour of its owner
    least: uint256 = fixed_point.mul_div_up(request.min_assets, shares, request.shares)
    assert assets >= least, "below minimum"

    if shares == request.shares:
        self.request[id] = empty(IVault.RedeemRequest)
    else:
        self.request[id].shares = request.shares - shares
        self.request[id].min_assets = request.min_assets - least
        self.request[id].round = round
    erc20._burn(self, shares)
    log IVault.RequestRedeemed(id=id, round=round, assets=assets, shares=shares, shares_left=request.shares - shares)
    log IVault.Withdraw(
        sender=msg.sender, receiver=request.receiver, owner=request.owner, assets=assets, shares=shares
    )
    extcall pool_account.POOL.withdraw(assets, request.receiver)
    return assets


@external
def keep_requests() -> uint256:
    lapse_at: uint256 = exit_window._keep_while_unsettled()
    log IVault.RequestsKept(lapse_at=lapse_at)
    return lapse_at


@external
def cancel_request(id: uint256):
    request: IVault.RedeemRequest = self.request[id]
    is_lapsed: bool = request.owner != empty(address) and self._is_lapsed(request)
    assert msg.sender == request.owner or is_lapsed, "not your request"
    # Once it can be redeemed it is an option on leaving, and whoever lets it go pays those who stay. Rounded up in their favour.
    fee: uint256 = 0
    if block.timestamp >= request.ready_at:
        fee = fixed_point.mul_div_up(request.shares, exit_window.LATE_CANCEL_FEE_BPS, fixed_point.BPS)

    self.request[id] = empty(IVault.RedeemRequest)
    if fee > 0:
        erc20._burn(self, fee)
    erc20._transfer(self, request.owner, request.shares - fee)
    log IVault.RedeemCancelled(id=id, owner=request.owner, shares=request.shares - fee, fee_shares=fee)


# The owner


@external
def set_market(market: address, is_market: bool):
    ownable._check_owner()
    market_list._set(market, is_market, MAX_MARKETS)
    log IVault.MarketSet(market=market, is_market=is_market)


@external
def set_cooldown(cooldown: uint256):
    ownable._check_owner()
    self._set_cooldown(cooldown)


@external
def set_deposit_lock(deposit_lock: uint256):
    ownable._check_owner()
    self._set_deposit_lock(deposit_lock)


@external
def set_deposit_cap(deposit_cap: uint256):
    ownable._check_owner()
    self._set_deposit_cap(deposit_cap)


@internal
def _set_cooldown(cooldown: uint256):
    assert cooldown >= MIN_COOLDOWN and cooldown <= MAX_COOLDOWN, "cooldown out of bounds"
    self.cooldown = cooldown
    log IVault.CooldownSet(cooldown=cooldown)


@internal
def _set_deposit_lock(deposit_lock: uint256):
    assert deposit_lock <= MAX_DEPOSIT_LOCK, "deposit lock out of bounds"
    self.deposit_lock = deposit_lock
    log IVault.DepositLockSet(deposit_lock=deposit_lock)


@internal
def _set_deposit_cap(deposit_cap: uint256):
    assert deposit_cap <= MAX_CASH, "deposit cap out of bounds"
    self.deposit_cap = deposit_cap
    log IVault.DepositCapSet(deposit_cap=deposit_cap)


# Views


@view
@external
def asset() -> address:
    return pool_account.TOKEN.address


@view
@external
def totalAssets() -> uint256:
    return self._worth()


@view
@external
def convertToShares(assets: uint256) -> uint256:
    return self._to_shares(assets, self._worth())


@view
@external
def convertToAssets(shares: uint256) -> uint256:
    return self._to_assets(shares, self._worth())


@view
@external
def previewDeposit(assets: uint256) -> uint256:
    return self._to_shares(assets, self._worth())


@view
@external
def previewMint(shares: uint256) -> uint256:
    return self._to_assets_up(shares, self._worth())


@view
@external
def maxDeposit(receiver: address) -> uint256:
    room: uint256 = 0
    shares: uint256 = 0
    worth: uint256 = 0
    room, shares, worth = self._room(receiver)
    if shares == 0:
        return 0
    # the greatest amount that buys no more than `shares`
    most: uint256 = fixed_point.mul_div_up(shares + 1, worth + VIRTUAL_ASSETS, erc20.totalSupply + VIRTUAL_SHARES) - 1
    return min(room, most)


@view
@external
def maxMint(receiver: address) -> uint256:
    room: uint256 = 0
    shares: uint256 = 0
    worth: uint256 = 0
    room, shares, worth = self._room(receiver)
    return min(shares, self._to_shares(room, worth))


@view
@external
def maxWithdraw(owner: address) -> uint256:
    return 0


@view
@external
def maxRedeem(owner: address) -> uint256:
    return 0


@view
@external
def markets() -> DynArray[address, 16]:
    return market_list.markets


@view
@external
def is_market(market: address) -> bool:
    return market_list.is_market[market]


@view
@external
def pool() -> address:
    return pool_account.POOL.address


@view
@external
def free_capital() -> uint256:
    net: int256 = 0
    are_settled: bool = False
    free: uint256 = 0
    net, are_settled, free = capital._net_and_free()
    return free


@view
@external
def reserved(market: address) -> uint256:
    owed: int256 = 0
    reserve: uint256 = 0
    is_settled: bool = False
    owed, reserve, is_settled = staticcall IMarket(market).vault_position()
    return capital._reserved(market, owed, reserve)


@view
@external
def utilisation_bps() -> uint256:
    net: int256 = 0
    are_settled: bool = False
    free: uint256 = 0
    net, are_settled, free = capital._net_and_free()
    worth: uint256 = fixed_point.positive(net)
    if free >= worth:
        return 0
    return fixed_point.BPS - fixed_point.mul_div_down(free, fixed_point.BPS, worth)


@view
@external
def locked_shares(account: address) -> uint256:
    return share_locks._locked(account)


@view
@external
def unlocked_at(account: address) -> uint256:
    return share_locks._unlocked_at(account)


@view
@external
def lapses_at(id: uint256) -> uint256:
    return exit_window._lapses_at(self.request[id].ready_at)


@view
@external
def kept_until() -> uint256:
    return exit_window.kept_until


@view
@external
def redeemable(id: uint256) -> (uint256, uint256):
    request: IVault.RedeemRequest = self.request[id]
    net: int256 = 0
    are_settled: bool = False
    free: uint256 = 0
    net, are_settled, free = capital._net_and_free()
    if not are_settled or block.timestamp < request.ready_at or self._is_lapsed(request):
        return 0, 0
    worth: uint256 = fixed_point.positive(net)
    round: IVault.Round = self._round_now(worth, free)
    if request.round == round.number:
        return 0, 0
    return self._part(request.shares, round.fraction, worth, free)


# Inside


@view
@internal
def _worth() -> uint256:
    net: int256 = 0
    are_settled: bool = False
    net, are_settled = capital._net()
    return fixed_point.positive(net)


@view
@internal
def _worth_for_deposit() -> uint256:
    """
    @dev What comes in must not go to those whom the vault owes.
    """
    net: int256 = 0
    are_settled: bool = False
    net, are_settled = capital._net()
    assert are_settled, "wait: market not settled"
    assert net >= 0, "vault owes more than it has"
    return convert(net, uint256)


@view
@internal
def _room(receiver: address) -> (uint256, uint256, uint256):
    """
    @return Assets up to the cap, shares up to the greatest supply, worth. Nothing while nobody may deposit.
    """
    net: int256 = 0
    are_settled: bool = False
    net, are_settled = capital._net()
    if not are_settled or net < 0 or receiver in [empty(address), self]:
        return 0, 0, 0
    worth: uint256 = convert(net, uint256)
    cap: uint256 = self.deposit_cap
    return cap - min(cap, worth), MAX_SUPPLY - erc20.totalSupply, worth


@view
@internal
def _check_unlocked(owner: address, amount: uint256):
    locked: uint256 = share_locks._locked(owner)
    if locked > 0:
        assert amount + locked <= erc20.balanceOf[owner], "shares are locked"


# Redemption


@view
@internal
def _is_lapsed(request: IVault.RedeemRequest) -> bool:
    return block.timestamp > exit_window._lapses_at(request.ready_at)


@view
@internal
def _round_now(worth: uint256, free: uint256) -> IVault.Round:
    """
    @notice The round that is open, or the one that would open now. fraction = min(1, free / value of all shares asked out),
            rounded down in favour of those who come last.
    """
    asked: uint256 = self._to_assets(erc20.balanceOf[self], worth)
    round: IVault.Round = self.round
    # A promise of everything ends when it can't be kept.
    is_broken: bool = round.fraction == fixed_point.WAD and asked > free
    if block.timestamp < round.ends_at and not is_broken:
        return round
    round.number += 1
    round.fraction = fixed_point.WAD
    round.ends_at = block.timestamp
    if asked > free:
        round.fraction = fixed_point.mul_div_down(fixed_point.WAD, free, asked)
    # Where nothing is free nobody has had a turn. Otherwise whoever is counted in `asked` is ready before the next round:
    # were a round shorter, a head start would be worth as many turns.
    if round.fraction > 0:
        round.ends_at += self.cooldown
    return round


@internal
def _take_round(worth: uint256, free: uint256) -> (uint256, uint256):
    """
    @return Number and fraction of the round, opened if it was not.
    """
    round: IVault.Round = self._round_now(worth, free)
    if round.number != self.round.number:
        self.round = round
        log IVault.RoundOpened(
            round=round.number,
            fraction=round.fraction,
            asked_shares=erc20.balanceOf[self],
            free_capital=free,
            ends_at=round.ends_at,
        )
    if round.fraction < fixed_point.WAD:
        # whoever has had a part must be there for the next one
        exit_window._keep(round.ends_at)
    return round.number, round.fraction


@view
@internal
def _part(shares: uint256, fraction: uint256, worth: uint256, free: uint256) -> (uint256, uint256):
    """
    @notice The shares of a request that can go now, and what they are worth, both rounded down in favour of those who stay.
    """
    part: uint256 = fixed_point.mul_div_down(shares, fraction, fixed_point.WAD)
    assets: uint256 = self._to_assets(part, worth)
    if assets > free:
        part = fixed_point.mul_div_down(part, free, assets)
        assets = self._to_assets(part, worth)
    return part, assets


# Shares and assets


@view
@internal
def _to_shares(assets: uint256, worth: uint256) -> uint256:
    """
    @dev assets * (all shares) / worth, rounded down in favour of those who are in.
    """
    return fixed_point.mul_div_down(assets, erc20.totalSupply + VIRTUAL_SHARES, worth + VIRTUAL_ASSETS)


@view
@internal
def _to_assets(shares: uint256, worth: uint256) -> uint256:
    """
    @dev shares * worth / (all shares), rounded down in favour of those who stay.
    """
    return fixed_point.mul_div_down(shares, worth + VIRTUAL_ASSETS, erc20.totalSupply + VIRTUAL_SHARES)


@view
@internal
def _to_assets_up(shares: uint256, worth: uint256) -> uint256:
    """
    @dev shares * worth / (all shares), rounded up in favour of those who are in.
    """
    return fixed_point.mul_div_up(shares, worth + VIRTUAL_ASSETS, erc20.totalSupply + VIRTUAL_SHARES)
