"""`ape run keeper`: keeps the markets. See plimsoll/keeper.py."""

from plimsoll.commands.keeper import keeper as cli

__all__ = ["cli"]
