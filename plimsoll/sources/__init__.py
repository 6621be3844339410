"""Where publishers get prices from: a replay, a simulated path, exchanges. One small interface, in `base`."""
