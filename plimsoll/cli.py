"""The command line: `plimsoll <command>`, also `python -m plimsoll <command>`."""

from importlib import import_module

import click

COMMANDS = ("publisher", "keeper", "indexer", "api", "monitor", "doctor", "crowd", "replay", "demo")
"""In the order of the help. Each is a function of that name in plimsoll/commands/."""


class LazyCommands(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f"plimsoll.commands.{cmd_name}"), cmd_name)


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Plimsoll off the chain: the services of an exchange, and the demo that runs them all.

    \b
    Try it:      make demo             a chain, a crowd and a crash; ends with Ctrl-C
    By hand:     anvil --port 8645     then, each in a terminal of its own:
                 ape run deploy
                 plimsoll publisher 0     and so on to 4
                 plimsoll keeper
                 plimsoll doctor          what is wrong, and what to do about it
                 plimsoll crowd
                 plimsoll replay

    Services read one TOML file (--config); `plimsoll COMMAND --help` says what each of them does.
    """
