"""Plimsoll off the chain: deployments, publishers, keeper, crowd, replay and reports. See docs and README.md."""
