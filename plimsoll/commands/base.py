"""What commands share: errors in one line, the options of every service, keys from the environment."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from plimsoll import config, logs
from plimsoll.config import Config
from plimsoll.errors import PlimsollError

CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="TOML file. Default: what PLIMSOLL_CONFIG names, else plimsoll.toml if there is one.",
)
DEPLOYMENT = click.option(
    "--deployment",
    type=click.Path(path_type=Path),
    help="Deployments file. Default: deployments/local.json, or what PLIMSOLL_DEPLOYMENT names.",
)
LOG_FORMAT = click.option("--log-format", type=click.Choice(["console", "json"]), help="Default: console.")
LOG_LEVEL = click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="Default: info.")


class OneLineErrors(click.Command):
    """A command that shows a PlimsollError as one line and exits with 1, however it was started."""

    def invoke(self, ctx: click.Context) -> Any:
        logs.set_up()
        try:
            return super().invoke(ctx)
        except PlimsollError as error:
            raise click.ClickException(" ".join(str(error).split())) from None


def service_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of every service; they arrive as config_path, deployment, log_format and log_level."""
    for option in (LOG_LEVEL, LOG_FORMAT, DEPLOYMENT, CONFIG):
        command = option(command)
    return command


def configure(
    config_path: Path | None, deployment: Path | None, log_format: str | None, log_level: str | None
) -> Config:
    """The configuration with what the command line says put over it; sets the logs up."""
    found = config.load(config_path)
    found = override(found, "network", deployment=deployment)
    found = override(found, "log", format=log_format, level=log_level)
    logs.set_up(found.log.format, found.log.level)
    return found


def override(found: Config, section: str, **values: Any) -> Config:
    """`found` with those of `values` in a section that are not None. PlimsollError for a value out of bounds."""
    given = {name: value for name, value in values.items() if value is not None}
    return config.validated({**dict(found), section: {**dict(getattr(found, section)), **given}}, "command line")


def key_from(variable: str) -> Any:
    """The account of a private key in an environment variable, None if it is not set."""
    from eth_account import Account

    key = os.environ.get(variable)
    if not key:
        return None
    try:
        return Account.from_key(key)
    except Exception:  # eth-account raises several unrelated types; the key must not end up in a message
        raise PlimsollError(f"{variable}: not a private key") from None
