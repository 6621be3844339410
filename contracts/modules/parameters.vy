# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Parameters: hard bounds and packing
@license AGPL-3.0-only
@notice Twenty-one parameters in three slots. `bps(i)` reads one of the small ones by its index below.
"""
from ..interfaces import IMarket

MASK_16: constant(uint256) = 2**16 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_112: constant(uint256) = 2**112 - 1

INITIAL_MARGIN: constant(uint256) = 0
MAINTENANCE_MARGIN: constant(uint256) = 1
TAKER_FEE: constant(uint256) = 2
MAKER_FEE: constant(uint256) = 3
FEE_VAULT_SHARE: constant(uint256) = 4
FEE_INSURANCE_SHARE: constant(uint256) = 5
PENALTY: constant(uint256) = 6
PENALTY_KEEPER_SHARE: constant(uint256) = 7
PENALTY_INSURANCE_SHARE: constant(uint256) = 8
ADL_FEE: constant(uint256) = 9
ADL_STEP: constant(uint256) = 10
SHOCK_OPEN: constant(uint256) = 11
SHOCK_BACKSTOP: constant(uint256) = 12
SHOCK_ADL: constant(uint256) = 13
MAX_AGE: constant(uint256) = 14
SMALL: constant(uint256) = 15

# in whole units of the currency
MAX_MIN_VALUE: constant(uint256) = 10_000
MAX_LOSS_BUDGET: constant(uint256) = 10**9
MAX_REWARD_FLOOR: constant(uint256) = 10

_small: uint256  # fifteen of 16 bits
_scale: uint256  # skew_scale 112 | funding_k 16 | funding_max 16 | loss_budget 96: what each new price needs
_money: uint256  # min_value 96 | reward_floor 80


@internal
def set(p: IMarket.Params, unit: uint256):
    """
    @dev The caller shows who may do this.
    @param unit Base units in a whole unit of the currency
    """
    assert p.initial_margin_bps >= 50 and p.initial_margin_bps <= 5_000, "initial margin: 0.5 to 50 %"
    assert p.maintenance_margin_bps >= 25, "maintenance margin: from 0.25 %"
    assert p.maintenance_margin_bps * 10 <= p.initial_margin_bps * 8, "maintenance margin: to 80 % of initial"
    assert p.liquidation_penalty_bps <= p.maintenance_margin_bps, "penalty above maintenance margin"
    assert p.taker_fee_bps <= 100 and p.maker_fee_bps <= p.taker_fee_bps, "fees: maker <= taker <= 1 %"
    assert p.fee_vault_share_bps + p.fee_insurance_share_bps <= 10_000, "fee shares above 100 %"
    assert p.penalty_keeper_share_bps + p.penalty_insurance_share_bps <= 10_000, "penalty shares above 100 %"
    assert p.adl_fee_bps <= 50, "adl fee: to 0.5 %"
    assert p.adl_step_bps >= 100 and p.adl_step_bps <= 10_000, "adl step: 1 to 100 %"
    assert p.shock_adl_bps >= 100, "shock: from 1 %"
    assert p.shock_adl_bps < p.shock_backstop_bps and p.shock_backstop_bps < p.shock_open_bps, "shocks: adl < backstop < open"
    assert p.shock_open_bps <= 10_000, "shock: to 100 %"
    assert p.funding_k_bps <= 10_000 and p.funding_max_bps <= 1_000, "funding: k to 100 %, max to 10 % a day"
    assert p.max_age >= 5 and p.max_age <= 3_600, "max age: 5 s to 1 h"
    assert p.skew_scale >= 10**15 and p.skew_scale <= MASK_112, "skew scale out of bounds"
    assert p.min_value <= MAX_MIN_VALUE * unit, "smallest position: to 10000"
    assert p.loss_budget <= MAX_LOSS_BUDGET * unit, "loss budget: to 10^9"
    # each bucket of a crank pays it, out of the market's cash where nobody else does
    assert p.reward_floor <= MAX_REWARD_FLOOR * unit, "reward floor: to 10"

    small: uint256 = 0
    values: uint256[15] = [
        p.initial_margin_bps,
        p.maintenance_margin_bps,
        p.taker_fee_bps,
        p.maker_fee_bps,
        p.fee_vault_share_bps,
        p.fee_insurance_share_bps,
        p.liquidation_penalty_bps,
        p.penalty_keeper_share_bps,
        p.penalty_insurance_share_bps,
        p.adl_fee_bps,
        p.adl_step_bps,
        p.shock_open_bps,
        p.shock_backstop_bps,
        p.shock_adl_bps,
        p.max_age,
    ]
    for i: uint256 in range(SMALL):
        small |= values[i] << (i << 4)
    self._small = small
    self._scale = p.skew_scale | (p.funding_k_bps << 112) | (p.funding_max_bps << 128) | (p.loss_budget << 144)
    self._money = p.min_value | (p.reward_floor << 96)
    log IMarket.ParamsSet(params=p)


@view
@internal
def bps(index: uint256) -> uint256:
    return (self._small >> (index << 4)) & MASK_16


@view
@internal
def bps_pair(index: uint256) -> (uint256, uint256):
    """
    @notice The parameter at `index` and the one behind it, for one read.
    """
    word: uint256 = self._small >> (index << 4)
    return word & MASK_16, (word >> 16) & MASK_16


@view
@internal
def skew_scale() -> uint256:
    return self._scale & MASK_112


@view
@internal
def funding() -> (uint256, uint256, uint256):
    """
    @notice skew_scale, k (bps a day), r_max (bps a day)
    """
    word: uint256 = self._scale
    return word & MASK_112, (word >> 112) & MASK_16, (word >> 128) & MASK_16


@view
@internal
def min_value() -> uint256:
    return self._money & MASK_96


@view
@internal
def loss_budget() -> uint256:
    return self._scale >> 144


@view
@internal
def reward_floor() -> uint256:
    return self._money >> 96


@view
@internal
def all() -> IMarket.Params:
    scale: uint256 = 0
    k: uint256 = 0
    r_max: uint256 = 0
    scale, k, r_max = self.funding()
    return IMarket.Params(
        initial_margin_bps=self.bps(INITIAL_MARGIN),
        maintenance_margin_bps=self.bps(MAINTENANCE_MARGIN),
        taker_fee_bps=self.bps(TAKER_FEE),
        maker_fee_bps=self.bps(MAKER_FEE),
        fee_vault_share_bps=self.bps(FEE_VAULT_SHARE),
        fee_insurance_share_bps=self.bps(FEE_INSURANCE_SHARE),
        liquidation_penalty_bps=self.bps(PENALTY),
        penalty_keeper_share_bps=self.bps(PENALTY_KEEPER_SHARE),
        penalty_insurance_share_bps=self.bps(PENALTY_INSURANCE_SHARE),
        adl_fee_bps=self.bps(ADL_FEE),
        adl_step_bps=self.bps(ADL_STEP),
        shock_open_bps=self.bps(SHOCK_OPEN),
        shock_backstop_bps=self.bps(SHOCK_BACKSTOP),
        shock_adl_bps=self.bps(SHOCK_ADL),
        funding_k_bps=k,
        funding_max_bps=r_max,
        max_age=self.bps(MAX_AGE),
        skew_scale=scale,
        min_value=self.min_value(),
        loss_budget=self.loss_budget(),
        reward_floor=self.reward_floor(),
    )
