# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title CapitalLens
@license AGPL-3.0-only
@notice See ICapitalLens. Mandates are told at the price that the market's limits stand for, its last one; what is owed, the
        reserves and the worth at the newest.
"""
from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

from .interfaces import ICapitalLens
from .interfaces import IMarginPool
from .interfaces import IMarket
from .interfaces import IVault
from .modules import exit_window
from .modules import fixed_point as fp

implements: ICapitalLens

MAX_MARKETS: constant(uint256) = 16

VAULT: immutable(IVault)
SHARES: immutable(IERC20)
POOL: immutable(IMarginPool)
CASH_SCALE: immutable(uint256)
WHOLE_SHARE: immutable(uint256)


@deploy
def __init__(vault: address):
    VAULT = IVault(vault)
    SHARES = IERC20(vault)
    POOL = IMarginPool(staticcall IVault(vault).pool())
    decimals: uint8 = staticcall IERC20Detailed(staticcall IVault(vault).asset()).decimals()
    CASH_SCALE = 10 ** (36 - convert(decimals, uint256))
    WHOLE_SHARE = 10 ** convert(staticcall IERC20Detailed(vault).decimals(), uint256)


@view
@external
def vault() -> ICapitalLens.VaultView:
    round: IVault.Round = staticcall VAULT.round()
    asked: uint256 = staticcall SHARES.balanceOf(VAULT.address)
    return ICapitalLens.VaultView(
        worth=staticcall VAULT.totalAssets(),
        cash=staticcall POOL.balance_of(VAULT.address),
        free_capital=staticcall VAULT.free_capital(),
        utilisation_bps=staticcall VAULT.utilisation_bps(),
        shares=staticcall SHARES.totalSupply(),
        share_price=staticcall VAULT.convertToAssets(WHOLE_SHARE),
        asked_shares=asked,
        asked_assets=staticcall VAULT.convertToAssets(asked),
        deposit_room=staticcall VAULT.maxDeposit(self),
        is_settled=self._is_settled(),
        cooldown=staticcall VAULT.cooldown(),
        deposit_lock=staticcall VAULT.deposit_lock(),
        round=round.number,
        round_fraction=round.fraction,
        round_ends_at=round.ends_at,
        kept_until=staticcall VAULT.kept_until(),
    )


@view
@external
def holder(account: address) -> ICapitalLens.HolderView:
    shares: uint256 = staticcall SHARES.balanceOf(account)
    supply: uint256 = staticcall SHARES.totalSupply()
    part: uint256 = 0
    if supply > 0:
        part = fp.mul_div_down(shares, fp.BPS, supply)
    return ICapitalLens.HolderView(
        shares=shares,
        assets=staticcall VAULT.convertToAssets(shares),
        share_bps=part,
        locked_shares=staticcall VAULT.locked_shares(account),
        unlocked_at=staticcall VAULT.unlocked_at(account),
    )


@view
@external
def request(id: uint256) -> ICapitalLens.RequestView:
    request: IVault.RedeemRequest = staticcall VAULT.request(id)
    if request.owner == empty(address):
        unknown: ICapitalLens.RequestView = empty(ICapitalLens.RequestView)
        unknown.error = "no such request"
        return unknown
    lapses_at: uint256 = staticcall VAULT.lapses_at(id)
    shares: uint256 = 0
    assets: uint256 = 0
    shares, assets = staticcall VAULT.redeemable(id)
    fee: uint256 = 0
    if block.timestamp >= request.ready_at:
        fee = fp.mul_div_up(request.shares, exit_window.LATE_CANCEL_FEE_BPS, fp.BPS)
    error: String[32] = self._why_not(request, lapses_at, shares, assets)
    return ICapitalLens.RequestView(
        owner=request.owner,
        receiver=request.receiver,
        shares=request.shares,
        assets=staticcall VAULT.convertToAssets(request.shares),
        min_assets=request.min_assets,
        ready_at=request.ready_at,
        lapses_at=lapses_at,
        shares_now=shares,
        assets_now=assets,
        cancel_fee_shares=fee,
        error=error,
    )


@view
@external
def mandates() -> DynArray[ICapitalLens.MandateView, MAX_MARKETS]:
    views: DynArray[ICapitalLens.MandateView, MAX_MARKETS] = []
    for market: address in staticcall VAULT.markets():
        views.append(self._mandate(market))
    return views


@view
@internal
def _why_not(request: IVault.RedeemRequest, lapses_at: uint256, shares: uint256, assets: uint256) -> String[32]:
    """
    @dev In the order in which the vault asks.
    """
    if block.timestamp < request.ready_at:
        return "wait: cooldown"
    if block.timestamp > lapses_at:
        return "request lapsed"
    if not self._is_settled():
        return "wait: market not settled"
    round: IVault.Round = staticcall VAULT.round()
    if shares == 0 and request.round == round.number and block.timestamp < round.ends_at:
        return "wait: next round"
    if assets == 0:
        return "wait: nothing is free"
    if assets < fp.mul_div_up(request.min_assets, shares, request.shares):
        return "below minimum"
    return ""


@view
@internal
def _is_settled() -> bool:
    for market: address in staticcall VAULT.markets():
        owed: int256 = 0
        reserve: uint256 = 0
        is_settled: bool = False
        owed, reserve, is_settled = staticcall IMarket(market).vault_position()
        if not is_settled:
            return False
    return True


@view
@internal
def _mandate(market: address) -> ICapitalLens.MandateView:
    state: IMarket.State = staticcall IMarket(market).state()
    params: IMarket.Params = staticcall IMarket(market).params()
    owed: int256 = 0
    reserve: uint256 = 0
    is_settled: bool = False
    owed, reserve, is_settled = staticcall IMarket(market).vault_position()
    skew: uint256 = max(state.units_long, state.units_short) - min(state.units_long, state.units_short)
    # |K| * P, rounded up against the vault
    notional: uint256 = fp.mul_div_up(skew, state.index_price, CASH_SCALE)
    capacity: uint256 = fp.mul_div_down(state.budget_left, fp.BPS, params.shock_open_bps)
    use: uint256 = 0
    if notional > 0:
        use = fp.mul_div_up(notional, fp.BPS, max(capacity, 1))
    mandate: uint256 = staticcall POOL.mandate(market)
    mandate_left: uint256 = staticcall POOL.mandate_left(market)
    cash: uint256 = staticcall POOL.balance_of(VAULT.address)
    return ICapitalLens.MandateView(
        market=market,
        loss_budget=params.loss_budget,
        budget_left=state.budget_left,
        refill_per_second=params.loss_budget // fp.DAY,
        skew_notional=notional,
        open_capacity=capacity,
        backstop_capacity=fp.mul_div_down(state.budget_left, fp.BPS, params.shock_backstop_bps),
        adl_trigger=fp.mul_div_down(state.budget_left, fp.BPS, params.shock_adl_bps),
        open_room=capacity - min(capacity, notional),
        use_bps=use,
        loss_at_open_shock=fp.mul_div_up(notional, params.shock_open_bps, fp.BPS),
        owed=owed,
        skew_reserve=reserve,
        reserved=staticcall VAULT.reserved(market),
        pool_mandate=mandate,
        pool_mandate_left=mandate_left,
        # what it can draw now, and what time gives back until tomorrow
        most_in_a_day=min(cash, mandate_left + mandate),
        is_settling=state.is_settling,
    )
