"""The contracts' numbers against the model's: everybody's money and positions within dust."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from plimsoll.reference import Position
from plimsoll.reference.capital import Allowance
from plimsoll.reference.grid import LONG, SHORT
from tests.invariants.exchange import address_of
from tests.invariants.world.base import Base
from tests.invariants.world.terms import NAMES, TRADERS, Snapshot, View


class Comparing(Base):
    def compare(self, seen: Snapshot | None = None) -> Snapshot:
        """Everybody's money and positions within dust. Then the model may go on with the contracts' numbers."""
        seen = seen or self.snapshot()
        dust = self.cash_dust()
        for i, view in enumerate(seen.markets):
            self._compare_market(i, view)
        escrow: dict[str, int] = {}
        for order in self.orders.values():
            escrow[order.owner] = escrow.get(order.owner, 0) + order.margin + order.fee
        for name in NAMES:
            owed = sum(view.positions[name].cash_owed for view in seen.markets) if name in TRADERS else 0
            theirs = self.capital.free.get(name, Fraction(0))
            if name == "treasury":
                theirs = self.capital.treasury
            theirs += sum((model.owed.get(name, Fraction(0)) for model in self.models), Fraction(0))
            near(seen.ledger[name] + escrow.get(name, 0) + owed, theirs, dust, f"cash of {name}")
        fund = self.exchange.fund
        near(seen.engines["Vault 1"], self.capital.vault, dust, "vault")
        near(fund.skin_in_the_game(), self.capital.skin, dust, "skin in the game")
        near(fund.insurance(), self.capital.insurance, dust, "insurance")
        near(fund.reward_reserve(), self.capital.reserve, dust, "reward reserve")
        near(fund.recovery_pot(), self.capital.pot, dust, "recovery pot")
        self._compare_shares(4 * dust)
        supply = self.exchange.recovery.totalSupply()
        near(supply, self.capital.supply, dust, "supply of RECOVER")
        if supply or self.capital.supply:
            for name in NAMES:
                mine = self.exchange.recovery.balanceOf(address_of(name))
                near(mine, self.capital.recovery.get(name, Fraction(0)), dust, f"RECOVER of {name}")
        addresses = {
            model.name: market.address for model, market in zip(self.models, self.exchange.markets, strict=True)
        }
        for (market, name), theirs in self.capital.unissued.items():
            near(fund.unissued(addresses[market], address_of(name)), theirs, dust, f"RECOVER of {name} that waits")
        if self.is_adopting:
            self.adopt(seen)
        return seen

    def _compare_shares(self, dust: int) -> None:
        """Worth and free capital are at the newest price, cranked or not."""
        vault, model = self.exchange.vault, self.shares
        near(vault.totalAssets(), max(Fraction(0), model.net), dust, "worth of the vault")
        near(vault.free_capital(), model.free, dust, "free capital")
        near(vault.totalSupply(), model.supply, self.shares_dust(floor(model.supply)), "shares")
        near(vault.balanceOf(vault.address), model.asked, self.shares_dust(floor(model.asked)), "shares asked out")

    def shares_dust(self, shares: int) -> int:
        """What the dust of the worth is in so many shares, and in one more purchase."""
        loose = 4 * self.cash_dust() + 10
        return 10 + floor(
            (shares * loose + loose * (self.shares.supply + 10**6)) / (max(Fraction(0), self.shares.net) + 1)
        )

    def _compare_market(self, i: int, view: View) -> None:
        model, state = self.models[i], view.state
        dust, cash_dust = self.units_dust(i), self.cash_dust(i)
        assert state.is_settling == model.is_settling, f"settling {state.is_settling}, model {model.is_settling}"
        for name, held in view.positions.items():
            theirs = model.positions.get(name)
            if theirs is None:
                assert held.units <= dust, f"{name} still holds {held.units}"
            else:
                if held.units > 0 or theirs.units > dust:
                    assert held.bucket == theirs.bucket, f"bucket of {name}: {held.bucket:x}, model {theirs.bucket:x}"
                near(held.units, theirs.units, dust, f"units of {name}")
                if held.units:
                    a_coin = self.scale * (10 + self.coins) // max(1, floor(theirs.units))
                    loose = a_coin + floor(dust * theirs.basis / theirs.units) + floor(theirs.basis / 2**32)
                    near(held.basis, theirs.basis, loose + 4 + self.touches, f"basis of {name}")
            near(held.claim_owed, model.claims.get(name, Fraction(0)), cash_dust, f"claims of {name}")
        near(state.units_long, model.units(LONG), dust, "open interest, long")
        near(state.units_short, model.units(SHORT), dust, "open interest, short")
        near(state.funding_index, model.funding, self.funding_dust(i), "funding index")
        mandate_left = self.exchange.pool.mandate_left(self.market(i).address)
        limit = self.capital.mandates[model.name].limit
        near(mandate_left, max(Fraction(0), limit - self.capital._used(model.name)), cash_dust, "mandate left")
        near(state.budget_left, model.budget_left, cash_dust, "loss budget left")
        assert state.price_round == model.price_round
        assert self.market(i).is_fair_adl_begun() == model.is_fair_adl_begun or model.is_settling

    def adopt(self, seen: Snapshot | None = None) -> None:
        """The model goes on with the contracts' numbers: each step is compared by itself, rounding does not add up."""
        seen = seen or self.snapshot()
        for i, view in enumerate(seen.markets):
            model = self.models[i]
            for name, held in view.positions.items():
                if held.units == 0:
                    model.positions.pop(name, None)
                else:
                    model.positions[name] = Position(name, held.bucket, Fraction(held.units), Fraction(held.basis))
                for amounts, mine in ((model.owed, held.cash_owed), (model.claims, held.claim_owed)):
                    amounts.pop(name, None)
                    if mine:
                        amounts[name] = Fraction(mine)
            model.funding = Fraction(view.state.funding_index)
            model.budget_left = Fraction(view.state.budget_left)
            model.cash = Fraction(view.state.cash)
        escrow: dict[str, int] = {}
        for order in self.orders.values():
            escrow[order.owner] = escrow.get(order.owner, 0) + order.margin + order.fee
        capital, fund = self.capital, self.exchange.fund
        for name in NAMES:
            capital.free[name] = Fraction(seen.ledger[name] + escrow.get(name, 0))
        capital.treasury = capital.free.pop("treasury")
        capital.vault = Fraction(seen.engines["Vault 1"])
        capital.skin, capital.insurance = Fraction(fund.skin_in_the_game()), Fraction(fund.insurance())
        capital.reserve, capital.pot = Fraction(fund.reward_reserve()), Fraction(fund.recovery_pot())
        capital.supply = Fraction(self.exchange.recovery.totalSupply())
        if capital.supply:
            for name in NAMES:
                capital.recovery[name] = Fraction(self.exchange.recovery.balanceOf(address_of(name)))
        else:
            capital.recovery.clear()
        vault = self.exchange.vault
        self.shares.supply, self.shares.asked = Fraction(vault.totalSupply()), Fraction(vault.balanceOf(vault.address))
        for model, market in zip(self.models, self.exchange.markets, strict=True):
            mandate = capital.mandates[model.name]
            if left := self.exchange.pool.mandate_left(market.address):
                mandate.drawn, mandate.drawn_at = mandate.limit - left, self.now
            day = fund.recovery_day(market.address)
            capital.recovery_days[model.name] = Allowance(day.started_at, Fraction(day.cap), Fraction(day.used))
            for key in [key for key in capital.unissued if key[0] == model.name]:
                capital.unissued[key] = Fraction(fund.unissued(market.address, address_of(key[1])))
        self.coins = self.loose_units = self.touches = 0
        self.equal_since = self.now
        self.moved_units = Fraction(0)


def near(mine: int, theirs: Fraction | int, dust: int, what: str = "") -> None:
    if type(theirs) is Fraction and theirs.denominator == 1:
        theirs = theirs.numerator
    off = abs(mine - theirs)
    assert off <= dust or off <= abs(theirs) / 10**12, (
        f"{what}: contracts {mine}, model {float(theirs):.6f}, dust {dust}"
    )


def merge(rows: list[tuple[int, int, int, Any, Any]], dust: int) -> list[tuple[int, int, int, Any, Any]]:
    """Adds up neighbours of the same bucket, cause and step (an interrupted crank tells twice), and drops dust."""
    merged: list[tuple[int, int, int, Any, Any]] = []
    for row in rows:
        if row[3] <= dust:
            continue
        if merged and merged[-1][:3] == row[:3]:
            row = (*row[:3], merged[-1][3] + row[3], row[4])
            merged.pop()
        merged.append(row)
    return merged
