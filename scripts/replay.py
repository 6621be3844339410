"""`ape run replay`: starts a replay for the publishers that run. See plimsoll/replay.py."""

from plimsoll.commands.replay import replay as cli

__all__ = ["cli"]
