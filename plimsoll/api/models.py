"""What the API gives. Its OpenAPI description is made from these models and the parameters."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

T = TypeVar("T")

_DECIMAL = {"type": "string", "pattern": "^-?[0-9]+$"}
Wad = Annotated[
    int,
    PlainSerializer(str),
    WithJsonSchema({**_DECIMAL, "description": "WAD: times 10^18", "examples": ["1000000000000000000"]}),
]
Cash = Annotated[
    int,
    PlainSerializer(str),
    WithJsonSchema({**_DECIMAL, "description": "base units of the collateral", "examples": ["1000000"]}),
]
Number = Annotated[int, PlainSerializer(str), WithJsonSchema({**_DECIMAL, "description": "a whole number"})]
Id = Annotated[int, Field(description="place of the log on the chain: block * 2^20 + log index", examples=[104857602])]
Time = Annotated[int, Field(description="Unix seconds")]
Side = Literal["long", "short"]


class Model(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Error(Model):
    error: str = Field(description="what is wrong and what to do")


class Page(Model, Generic[T]):
    items: list[T]
    next: int | None = Field(description="give this as `before` for the next page; null: this was the last")


class Collateral(Model):
    symbol: str
    decimals: int


class Status(Model):
    network: str
    chain_id: int
    genesis_hash: str
    block: int = Field(description="last block in the index")
    block_hash: str
    block_time: Time
    reorgs: int = Field(description="reorganisations undone so far")
    compared_at_block: int = Field(
        description="block at which the index was last compared with the contracts; 0: never"
    )
    mismatches: list[str] = Field(description="figures that differed then")
    collateral: Collateral


class Market(Model):
    symbol: str
    address: str
    feed: str
    created_at_block: int
    params: dict[str, str] = Field(description="`IMarket.Params`: basis points, seconds, WAD units and base units")
    index_price: Wad
    published_at: Time
    price_round: int
    funding_index: Wad = Field(description="cumulative funding per unit, USD")
    budget_left: Cash = Field(description="of the vault's loss budget")
    units_long: Wad
    units_short: Wad


class Markets(Model):
    items: list[Market]


class Candle(Model):
    start: Time
    open: Wad
    high: Wad
    low: Wad
    close: Wad
    prices: int = Field(description="prices published in the interval")


class Candles(Model):
    market: str
    interval: str
    items: list[Candle] = Field(description="oldest first; an interval without a price is left out")


class Trade(Model):
    id: Id
    block: int
    time: Time
    transaction: str
    market: str
    account: str
    order_id: int | None
    bucket: int
    units_delta: Wad = Field(description="+ bought, - sold")
    units_after: Wad = Field(description="signed, + long")
    fill_price: Wad
    margin: Cash = Field(description="put in")
    paid_out: Cash
    fee: Cash
    premium: Cash
    realised: Cash = Field(description="profit of what was closed, after premium and fee")


class OrderUpdate(Model):
    id: Id
    block: int
    time: Time
    transaction: str
    status: Literal["linked", "topped_up", "executed", "cancelled", "failed"]
    details: dict[str, Any] = Field(description="the event's other arguments")


class Order(Model):
    id: int
    block: int
    time: Time
    transaction: str
    owner: str
    market: str
    terms: dict[str, Any] = Field(description="`IOrderBook.Order` without the market")
    keeper_fee: Cash
    status: Literal["open", "executed", "cancelled", "failed"]
    reason: str | None = Field(description="why it failed, in the market's words")


class OrderHistory(Order):
    updates: list[OrderUpdate] = Field(description="oldest first")


class Position(Model):
    market: str
    symbol: str
    account: str
    side: Side
    units: Wad
    entry_price: Wad
    bucket: int
    bankruptcy_coordinate: Wad = Field(
        description="beta: x = P - F (long) or F - P (short) at which it is worth nothing"
    )
    equity: Cash = Field(description="at the last price that reached the market, floored at zero")
    since_block: int = Field(description="of the last trade or change of margin")


class Positions(Model):
    items: list[Position]


class Funding(Model):
    id: Id
    block: int
    time: Time
    price_round: int
    index_price: Wad
    published_at: Time
    funding_index: Wad
    variation_margin: Cash = Field(description="what this price made the vault owe (+) or owed it (-)")
    budget_left: Cash


class Liquidation(Model):
    id: Id
    block: int
    time: Time
    transaction: str
    price_round: int
    bucket: int
    side: Side
    epoch: int
    units: Wad
    units_left: Wad
    index_price: Wad
    fill_price: Wad
    to_vault: bool = Field(description="whether the vault was the counterparty; else winners, by ADL")
    paid: Cash = Field(description="to the owners")
    penalty: Cash
    loss: Cash = Field(description="beyond margin; the sum of the four layers")
    skin_in_the_game: Cash
    insurance: Cash
    adl: Cash
    vault: Cash


class Deleveraging(Model):
    id: Id
    block: int
    time: Time
    transaction: str
    bucket: int
    side: Side
    for_bucket: int | None = Field(description="the liquidated bucket it paid for; null: fair ADL of the vault")
    epoch: int
    step: int
    score: Wad
    index_price: Wad
    funding_index: Wad
    bankruptcy_coordinate: Wad = Field(description="beta of the bucket")
    class_ceiling: Wad = Field(description="principal per unit at most")
    equity_per_unit: Wad = Field(description="x - beta")
    profit_per_unit: Wad = Field(description="x - beta - ceiling: > 0, or the bucket is not eligible")
    units: Wad
    units_left: Wad
    paid_per_unit: Wad
    loss_per_unit: Wad = Field(description="profit given up")
    paid: Cash
    claim: Cash = Field(description="RECOVER, = profit given up")


class AdlRound(Model):
    price_round: int
    block: int
    time: Time
    index_price: Wad
    is_fair: bool = Field(description="whether all of it was ADL of the vault itself, at the index price")
    buckets: int
    units: Wad
    claim: Cash


class AdlRounds(Model):
    items: list[AdlRound] = Field(description="newest first")
    next: int | None


class Candidate(Model):
    bucket: int
    side: Side
    units: Wad
    bankruptcy_coordinate: Wad
    class_ceiling: Wad
    score: Wad = Field(description="at this price; 0: not in profit")


class AdlRoundDetail(Model):
    market: str
    price_round: int
    index_price: Wad
    funding_index: Wad
    budget_left: Cash
    params: dict[str, str]
    candidates: list[Candidate] = Field(description="every live bucket when the price came, best score first")
    liquidations: list[Liquidation]
    deleveragings: list[Deleveraging] = Field(description="in the order of the chain")


class AdlVerdict(Model):
    market: str
    price_round: int
    is_valid: bool
    deleveraged: int = Field(description="events recomputed to the last digit")
    comparisons: int = Field(description="other buckets looked at, to see whether they should have come first")
    violation: str | None = Field(description="what the first wrong event breaks, in words")
    block: int | None = Field(description="of that event")
    log_index: int | None


class VaultFlow(Model):
    id: Id
    block: int
    time: Time
    source: str
    market: str | None
    account: str | None
    amount: Cash
    cash: Cash = Field(description="the vault's afterwards")
    skew_reserve: Cash = Field(description="what closing all skew would cost: not the vault's to keep")
    shares: Number
    share_price: Wad | None = Field(description="(cash - skew_reserve) / shares; null without shares")


class FundFlow(Model):
    id: Id
    block: int
    time: Time
    source: str
    market: str | None
    account: str | None
    amount: Cash
    skin_in_the_game: Cash
    insurance: Cash
    reward_reserve: Cash
    recovery_pot: Cash
    shares: Number
    share_price: Wad | None = Field(description="insurance / shares; null without shares")


class VaultSource(Model):
    market: str
    source: str = Field(description="fees, premium, price, funding, liquidation_spread, penalties, last_resort, ...")
    amount: Cash


class VaultIncome(Model):
    items: list[VaultSource] = Field(description="profit (+) and loss (-) since the deployment")
    cash: Cash
    worth: Cash = Field(description="cash and what markets owe, less the skew reserves")
    paid_in: Cash
    taken_out: Cash
    donated: Cash


class FundDay(Model):
    market: str
    day: str = Field(description="UTC")
    skin_paid: Cash = Field(description="losses covered by skin in the game, less what came back")
    insurance_paid: Cash
    rewards_paid: Cash
    insurance_income: Cash
    pot_income: Cash
    reserve_income: Cash


class FundDays(Model):
    items: list[FundDay] = Field(description="oldest first")
    unvested: Cash = Field(description="income that the stakers have not earned yet")


class Trading(Model):
    market: str
    margin_in: Cash
    paid_out: Cash
    fees: Cash
    premium: Cash
    realised: Cash
    recovery_claims: Cash


class Holding(Model):
    paid_in: Cash
    taken_out: Cash
    shares: Number
    worth: Cash
    earned: Cash = Field(description="worth + taken_out - paid_in; the sum of the sources")
    sources: dict[str, Cash]


class Recovery(Model):
    issued: Cash
    received: Cash = Field(description="from others, less what was sent to others")
    redeemed: Cash
    paid: Cash
    held: Cash
    deferred: Cash = Field(description="beyond the caps of the markets: waits to be issued")
    worth: Cash = Field(description="what redeeming all of it would pay now")


class AccountStatement(Model):
    account: str
    deposited: Cash
    withdrawn: Cash
    trading: list[Trading]
    vault: Holding
    stake: Holding
    recovery: Recovery


class AccountEvent(Model):
    id: Id
    block: int
    time: Time
    transaction: str
    event: str
    market: str | None
    units: Wad | None = Field(description="traded (signed), or closed by liquidation or ADL (the account's part)")
    price: Wad | None
    cash: Cash | None = Field(description="to (+) or from (-) the account: its part, rounded down")
    fee: Cash | None
    realised: Cash | None
    claim: Cash | None = Field(description="RECOVER")
    details: dict[str, Any] = Field(description="the event's arguments")


class Event(Model):
    id: Id
    block: int
    log_index: int
    block_hash: str
    time: Time
    transaction: str
    contract: str
    address: str
    event: str
    args: dict[str, Any] = Field(description="as logged: integers as decimal strings, bytes as 0x and digits")
