"""Traps that others fell into, each tried on the real contracts."""
