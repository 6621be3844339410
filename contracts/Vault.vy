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

from .interfaces import IMarginPool
from .interfaces import IMarket
from .interfaces import IVault
from .modules import fixed_point
from .modules import market_list
from .modules import pool_account

implements: IVault
initializes: ownable
initializes: erc20[ownable := ownable]
initializes: market_list
initializes: pool_account
exports: (
    ownable.owner,
    ownable.transfer_ownership,
    # ERC-20. Not its mint, burn and minter role: shares come from deposits and go by redemption.
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.totalSupply,
    erc20.balanceOf,
    erc20.allowance,
    erc20.transfer,
    erc20.transferFrom,
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
REDEEM_WINDOW: constant(uint256) = 2 * 86_400

# Shares that nobody holds, against one base unit that nobody deposited: whoever is first cannot inflate the price.
SHARE_DECIMALS: constant(uint256) = 6  # more than the asset has
VIRTUAL_SHARES: constant(uint256) = 10**SHARE_DECIMALS
VIRTUAL_ASSETS: constant(uint256) = 1

cooldown: public(uint256)
request: public(HashMap[uint256, IVault.RedeemRequest])
next_request_id: public(uint256)


@deploy
def __init__(pool: address, cooldown: uint256):
    ownable.__init__()
    pool_account.__init__(pool)
    decimals: uint8 = staticcall IERC20Detailed(pool_account.TOKEN.address).decimals()
    erc20.__init__(
        "Plimsoll Vault", "PLV", decimals + convert(SHARE_DECIMALS, uint8), "Plimsoll Vault", "1"
    )
    self.next_request_id = 1
    self._set_cooldown(cooldown)


# Anyone, with their own tokens


@external
def deposit(assets: uint256, receiver: address) -> uint256:
    market_list._check_settled()
    worth: uint256 = self._worth_for_deposit()
    arrived: uint256 = pool_account._pull(msg.sender, assets)
    shares: uint256 = self._to_shares(arrived, worth)
    assert shares > 0, "amount too small"

    erc20._mint(receiver, shares)
    log IVault.Deposit(sender=msg.sender, owner=receiver, assets=arrived, shares=shares)
    return shares


@external
def mint(shares: uint256, receiver: address) -> uint256:
    market_list._check_settled()
    assets: uint256 = self._to_assets_up(shares, self._worth_for_deposit())
    assert assets > 0, "amount too small"
    arrived: uint256 = pool_account._pull(msg.sender, assets)
    assert arrived == assets, "token takes a fee"

    erc20._mint(receiver, shares)
    log IVault.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)
    return assets


# Holders of shares


@external
def request_redeem(shares: uint256, receiver: address = msg.sender, min_assets: uint256 = 0) -> uint256:
    assert shares > 0, "shares are zero"
    assert receiver not in [empty(address), self, pool_account.POOL.address], "bad receiver"
    erc20._transfer(msg.sender, self, shares)

    id: uint256 = self.next_request_id
    self.next_request_id = id + 1
    ready_at: uint256 = block.timestamp + self.cooldown
    self.request[id] = IVault.RedeemRequest(
        owner=msg.sender, shares=shares, receiver=receiver, min_assets=min_assets, ready_at=ready_at
    )
    log IVault.RedeemRequested(
        id=id, owner=msg.sender, shares=shares, min_assets=min_assets, ready_at=ready_at
    )
    return id


@external
def redeem_request(id: uint256) -> uint256:
    request: IVault.RedeemRequest = self.request[id]
    assert msg.sender == request.owner, "not your request"
    assert block.timestamp >= request.ready_at, "wait: cooldown"
    # A request that waits for the day of the crash would be an option on leaving.
    assert block.timestamp <= request.ready_at + REDEEM_WINDOW, "request lapsed"
    market_list._check_settled()

    assets: uint256 = self._to_assets(request.shares, self._worth())
    assert assets >= request.min_assets, "below minimum"
    # Worth may stand in a market as variation margin that the next crank brings home.
    assert assets <= pool_account._balance(), "wait: not enough cash"

    self.request[id] = empty(IVault.RedeemRequest)
    erc20._burn(self, request.shares)
    extcall pool_account.POOL.withdraw(assets, request.receiver)
    log IVault.Withdraw(
        sender=msg.sender, receiver=request.receiver, owner=request.owner, assets=assets, shares=request.shares
    )
    return assets


@external
def cancel_request(id: uint256):
    request: IVault.RedeemRequest = self.request[id]
    assert msg.sender == request.owner, "not your request"
    self.request[id] = empty(IVault.RedeemRequest)
    erc20._transfer(self, request.owner, request.shares)
    log IVault.RedeemCancelled(id=id, owner=request.owner, shares=request.shares)


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


@internal
def _set_cooldown(cooldown: uint256):
    assert cooldown >= MIN_COOLDOWN and cooldown <= MAX_COOLDOWN, "cooldown out of bounds"
    self.cooldown = cooldown
    log IVault.CooldownSet(cooldown=cooldown)


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
    return self._most()


@view
@external
def maxMint(receiver: address) -> uint256:
    return self._most()


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


# Inside


@view
@internal
def _net() -> int256:
    """
    @dev cash + sum over markets of (unsettled variation margin - P * K^2 / (2 * psi)). Negative where it owes more than it has.
    """
    worth: int256 = convert(pool_account._balance(), int256)
    for market: address in market_list.markets:
        owed: int256 = 0
        reserve: uint256 = 0
        is_settled: bool = False
        owed, reserve, is_settled = staticcall IMarket(market).vault_position()
        worth += owed - convert(reserve, int256)
    return worth


@view
@internal
def _worth() -> uint256:
    return fixed_point.positive(self._net())


@view
@internal
def _most() -> uint256:
    if market_list._are_settled() and self._net() >= 0:
        return max_value(uint256)
    return 0


@view
@internal
def _worth_for_deposit() -> uint256:
    """
    @dev What comes in must not go to those whom the vault owes.
    """
    net: int256 = self._net()
    assert net >= 0, "vault owes more than it has"
    return convert(net, uint256)


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
