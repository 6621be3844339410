# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Permits: an allowance by signature (ERC-2612), given in the call that needs it
@license AGPL-3.0-only
"""
from ethereum.ercs import IERC20


@internal
def use(token: IERC20, owner: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Lets this contract take `amount` of the owner's tokens, if they signed that.
    @dev Duty of the caller: `owner` is its caller, or signed for what is done with the tokens. With an allowance in place the
         permit says nothing about what they want.
    """
    # The outcome does not matter: if somebody submitted the permit first, the allowance is there all the same.
    success: bool = raw_call(
        token.address,
        abi_encode(
            owner, self, amount, deadline, v, r, s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )
