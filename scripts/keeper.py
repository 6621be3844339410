"""`ape run keeper`: keeps the markets. See plimsoll/keeper.py."""

from plimsoll.cli import keeper as cli

__all__ = ["cli"]
