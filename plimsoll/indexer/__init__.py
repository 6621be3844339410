"""Events to SQL: what happened on chain, block by block, undone where the chain undoes it."""
