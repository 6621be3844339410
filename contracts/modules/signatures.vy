# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title Signatures: who signed what, each once
@license AGPL-3.0-only
@notice EIP-712 messages with unordered nonces, by accounts with a key and by contracts (ERC-1271).
@dev The nonces are bits, 256 in a word: any order, many at a time, none waits for another.
"""
from snekmate.utils import ecdsa
from snekmate.utils import eip712_domain_separator

uses: eip712_domain_separator

# Wallets of several owners or with passkeys sign with far more than the 65 bytes of one key.
MAX_SIGNATURE: constant(uint256) = 1_024
KEY_SIGNATURE: constant(uint256) = 65
ERC1271_MAGIC: constant(bytes32) = 0x1626ba7e00000000000000000000000000000000000000000000000000000000


event NoncesInvalidated:
    owner: indexed(address)
    word: uint256
    mask: uint256


# Used nonces, by owner and word: nonce = 256 * word + bit
nonces_used: public(HashMap[address, HashMap[uint256, uint256]])


@external
def invalidate_nonces(word: uint256, mask: uint256):
    """
    @notice Uses the caller's nonces up that are set in `mask`: what was signed with them is void.
    """
    self.nonces_used[msg.sender][word] |= mask
    log NoncesInvalidated(owner=msg.sender, word=word, mask=mask)


@internal
def use(owner: address, nonce: uint256, deadline: uint256, struct_hash: bytes32, signature: Bytes[MAX_SIGNATURE]):
    """
    @notice Reverts unless `owner` signed this and its nonce is still good. `struct_hash` covers owner, nonce and deadline.
    """
    assert block.timestamp <= deadline, "signature expired"
    used: uint256 = self.nonces_used[owner][nonce >> 8]
    bit: uint256 = 1 << (nonce & 255)
    assert used & bit == 0, "nonce already used"
    self.nonces_used[owner][nonce >> 8] = used | bit
    # The domain has the chain's id of now: on a fork, signatures for the other chain are void.
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(struct_hash)
    assert self._is_signed(owner, digest, signature), "bad signature"


@view
@internal
def _is_signed(signer: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bool:
    if not signer.is_contract:
        # Nobody is nobody's signer: a failed recovery is the zero address, too.
        if signer == empty(address) or len(signature) != KEY_SIGNATURE:
            return False
        return ecdsa._recover_sig(digest, slice(signature, 0, KEY_SIGNATURE)) == signer

    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        signer,
        abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(response) == 32 and convert(response, bytes32) == ERC1271_MAGIC
