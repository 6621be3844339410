# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title A contract wallet (ERC-1271) that approves of one signature, whatever its length
@license AGPL-3.0-only
"""
approved_digest: bytes32
approved_signature: bytes32
answer: Bytes[64]


@external
def approve(digest: bytes32, signature: Bytes[1_024], answer: Bytes[64]):
    self.approved_digest = digest
    self.approved_signature = keccak256(signature)
    self.answer = answer


@view
@external
@raw_return
def isValidSignature(digest: bytes32, signature: Bytes[1_024]) -> Bytes[64]:
    assert digest == self.approved_digest and keccak256(signature) == self.approved_signature, "not approved"
    return self.answer
