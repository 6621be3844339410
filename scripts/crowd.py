"""`ape run crowd`: lets a crowd of traders in. See plimsoll/crowd.py."""

from plimsoll.commands.crowd import crowd as cli

__all__ = ["cli"]
