"""Mutants of the money paths against a fast suite: `make mutate`."""
