# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A payer of Pyth updates that takes no ether back
@license AGPL-3.0-only
"""
from contracts.interfaces import IPythSource


@payable
@external
def update(source: address, updates: DynArray[Bytes[8_192], 8]):
    extcall IPythSource(source).update(updates, value=msg.value)
