"""`ape run replay`: starts a replay for the publishers that run. See plimsoll/replay.py."""

from plimsoll.cli import replay as cli

__all__ = ["cli"]
