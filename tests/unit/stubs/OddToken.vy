# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A token with the habits of real ones: a fee on transfers, no return value, or False instead of a revert
@license AGPL-3.0-only
"""
balanceOf: public(HashMap[address, uint256])
decimals: public(constant(uint8)) = 6
fee_bps: uint256
says_false: bool


@deploy
def __init__(fee_bps: uint256, says_false: bool):
    self.fee_bps = fee_bps
    self.says_false = says_false


@external
def mint(owner: address, amount: uint256):
    self.balanceOf[owner] += amount


@external
def approve(spender: address, amount: uint256):
    pass


@external
@raw_return
def transfer(to: address, amount: uint256) -> Bytes[32]:
    return self._transfer(msg.sender, to, amount)


@external
@raw_return
def transferFrom(owner: address, to: address, amount: uint256) -> Bytes[32]:
    return self._transfer(owner, to, amount)


@internal
def _transfer(owner: address, to: address, amount: uint256) -> Bytes[32]:
    if self.says_false:
        return abi_encode(False)
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - amount * self.fee_bps // 10_000
    return b""
