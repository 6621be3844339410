# pragma version ==0.4.3
# pragma nonreentrancy on
"""
@title TimelockController
@license AGPL-3.0-only
@notice snekmate's timelock as the owner of everything. Who may propose and cancel is fixed at deployment and changed by proposals
        alone: there is no administrator beside it. Its delay has bounds.
"""
from snekmate.auth import access_control
from snekmate.governance import timelock_controller

initializes: access_control
initializes: timelock_controller[access_control := access_control]
exports: (
    # Roles. Their administrator is this contract.
    access_control.DEFAULT_ADMIN_ROLE,
    access_control.hasRole,
    access_control.getRoleAdmin,
    access_control.grantRole,
    access_control.revokeRole,
    access_control.renounceRole,
    access_control.set_role_admin,
    timelock_controller.PROPOSER_ROLE,
    timelock_controller.EXECUTOR_ROLE,
    timelock_controller.CANCELLER_ROLE,
    # Proposals. Not the receivers of NFTs: nothing here needs any.
    timelock_controller.schedule,
    timelock_controller.schedule_batch,
    timelock_controller.execute,
    timelock_controller.execute_batch,
    timelock_controller.cancel,
    timelock_controller.get_timestamp,
    timelock_controller.get_minimum_delay,
    timelock_controller.is_operation,
    timelock_controller.is_operation_pending,
    timelock_controller.is_operation_ready,
    timelock_controller.is_operation_done,
    timelock_controller.get_operation_state,
    timelock_controller.hash_operation,
    timelock_controller.hash_operation_batch,
)

MIN_DELAY: constant(uint256) = 60
MAX_DELAY: constant(uint256) = 30 * 86_400

# Whoever relies on the delay that they see at deployment may do so for good.
least_delay: public(immutable(uint256))


@deploy
def __init__(delay: uint256, proposers: DynArray[address, 255], executors: DynArray[address, 255]):
    assert delay >= MIN_DELAY and delay <= MAX_DELAY, "delay out of bounds"
    assert len(proposers) > 0, "nobody can propose"
    least_delay = delay
    access_control.__init__()
    timelock_controller.__init__(delay, proposers, executors, empty(address))


# A proposal


@external
def update_delay(new_delay: uint256):
    assert msg.sender == self, "timelock_controller: caller must be timelock"
    assert new_delay >= least_delay and new_delay <= MAX_DELAY, "delay out of bounds"
    log timelock_controller.MinimumDelayChange(
        old_duration=timelock_controller.get_minimum_delay, new_duration=new_delay
    )
    timelock_controller.get_minimum_delay = new_delay
