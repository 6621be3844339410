from __future__ import annotations

import boa
import pytest

from tests.unit.pyth_source.conftest import EXPONENT, FEE, PRICE, Pyth
from tests.unit.support import WAD, deployer


@pytest.fixture
def payer() -> str:
    payer = boa.env.generate_address("payer")
    boa.env.set_balance(payer, 1_000)
    return str(payer)


def test_update__exact_fee__reaches_pyth(pyth: Pyth, payer: str) -> None:
    before = boa.env.get_balance(pyth.pyth.address)
    assert pyth.source.update([pyth.signed()], value=FEE, sender=payer) == FEE
    assert pyth.price() == (PRICE * WAD, boa.env.timestamp)
    assert boa.env.get_balance(pyth.pyth.address) == before + FEE
    assert boa.env.get_balance(payer) == 1_000 - FEE


def test_update__more_than_the_fee__the_rest_comes_back(pyth: Pyth, payer: str) -> None:
    updates = [pyth.signed(), pyth.signed(feed=b"\x02" * 32)]
    assert pyth.source.update(updates, value=500, sender=payer) == 2 * FEE
    assert boa.env.get_balance(payer) == 1_000 - 2 * FEE
    assert boa.env.get_balance(pyth.source.address) == 0


def test_update__below_the_fee__reverts(pyth: Pyth, payer: str) -> None:
    with boa.reverts("value below the fee"):
        pyth.source.update([pyth.signed()], value=FEE - 1, sender=payer)


def test_update__nothing__costs_nothing(pyth: Pyth, payer: str) -> None:
    assert pyth.source.update([], value=100, sender=payer) == 0
    assert boa.env.get_balance(payer) == 1_000


def test_update__older_than_what_pyth_has__changes_nothing(pyth: Pyth, payer: str) -> None:
    pyth.bring()
    before = pyth.price()
    pyth.source.update([pyth.signed(PRICE * 10**8 * 2, 0, EXPONENT, 1)], value=FEE, sender=payer)
    assert pyth.price() == before


def test_update__payer_takes_no_refund__reverts(pyth: Pyth, payer: str) -> None:
    contract = deployer("StubPayer").deploy()
    contract.update(pyth.source.address, [pyth.signed()], value=FEE, sender=payer)
    with boa.reverts("refund failed"):
        contract.update(pyth.source.address, [pyth.signed()], value=FEE + 1, sender=payer)


def test_update__largest__fits_and_one_more_does_not(pyth: Pyth, payer: str) -> None:
    largest = pyth.signed().ljust(8_192, b"\0")
    pyth.source.update([largest] * 8, value=8 * FEE, sender=payer)
    with pytest.raises(boa.BoaError):
        pyth.source.update([largest] * 9, value=9 * FEE, sender=payer)
    with pytest.raises(boa.BoaError):
        pyth.source.update([largest + b"\0"], value=FEE, sender=payer)
