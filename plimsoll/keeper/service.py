"""A keeper as a process: made from the configuration, served at /health and /metrics, begun anew on another chain."""

import asyncio
import os
from typing import Any

import structlog
from aiohttp import web

from plimsoll import accounts, oracle
from plimsoll.chain import Chain, client
from plimsoll.config import Config, Key
from plimsoll.deployments import Deployment
from plimsoll.errors import PlimsollError
from plimsoll.fees import GWEI, FeePolicy
from plimsoll.keeper.core import Policy
from plimsoll.keeper.follower import ChainReplacedError
from plimsoll.keeper.heads import HeadHints
from plimsoll.keeper.metrics import Metrics
from plimsoll.keeper.worker import Keeper
from plimsoll.keys import LocalSigner, Signer, local_account, open_key
from plimsoll.sender import Sender
from plimsoll.service import add_operation, serve

log = structlog.get_logger(__name__)
KEY_VARIABLE = "PLIMSOLL_KEEPER_KEY"
NEW_DEPLOYMENT_SECONDS = 1.0


def policy_of(config: Config) -> Policy:
    """The decisions' part of the configuration."""
    found = config.keeper
    return Policy(
        does=frozenset(found.policies),
        deviation_bps=found.deviation_bps,
        heartbeat=found.heartbeat,
        funding_seconds=found.funding_seconds,
        gas_price_bps=found.gas_price_bps,
        is_duty=found.mode == "duty",
        min_profit_bps=found.min_profit_bps,
        shard_index=found.shard.index,
        shard_count=found.shard.count,
        shard_grace=found.shard.grace,
    )


def fees_of(config: Config) -> FeePolicy:
    """What the keeper offers for gas."""
    return FeePolicy(int(config.keeper.tip_gwei * GWEI), int(config.keeper.max_fee_gwei * GWEI))


def signers_of(config: Config, deployment: Deployment) -> list[Signer]:
    """The keys to send with. PlimsollError if there are none, or two are the same."""
    entries = config.keeper.key or ([Key(env=KEY_VARIABLE)] if os.environ.get(KEY_VARIABLE) else [])
    if not entries:
        return [LocalSigner(local_account(deployment.chain_id, accounts.KEEPER, KEY_VARIABLE))]
    signers = [open_key(entry) for entry in entries]
    if len({signer.address for signer in signers}) < len(signers):
        raise PlimsollError("keeper.key: one key is given twice, and a nonce can have one owner only")
    return signers


class KeeperService:
    """One process."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.metrics = Metrics()
        self.worker: Keeper | None = None

    def _health(self) -> tuple[bool, dict[str, Any]]:
        if self.worker is None:
            return False, {"trouble": "waiting for a deployment on this chain"}
        return self.worker.health()

    async def run(self) -> None:
        """Works until cancelled. PlimsollError if it cannot begin."""
        found, settings = self.config.network.load_deployment(), self.config.keeper
        chain = await self._connect(found)
        app = add_operation(web.Application(), self._health, self.metrics.registry)
        runner = await serve(app, settings.port, settings.host)
        try:
            while True:
                try:
                    await self._keep(chain)
                except ChainReplacedError as error:
                    log.error(str(error))
                self.worker = None
                await chain.close()
                chain = await self._connect_again()
        finally:
            await runner.cleanup()
            await chain.close()

    async def _connect(self, deployment: Deployment) -> Chain:
        chain = Chain(deployment, float(self.config.keeper.rpc_timeout))
        try:
            await chain.connect()
        except BaseException:
            await chain.close()
            raise
        return chain

    async def _connect_again(self) -> Chain:
        """Waits until the deployments file tells of the chain that is there now."""
        while True:
            try:
                return await self._connect(self.config.network.load_deployment())
            except PlimsollError as error:
                log.debug("not yet", error=str(error))
            await asyncio.sleep(NEW_DEPLOYMENT_SECONDS)

    async def _keep(self, chain: Chain) -> None:
        settings, found = self.config.keeper, chain.deployment
        fees = fees_of(self.config)
        submit_to = client(settings.private_url, float(settings.rpc_timeout)) if settings.private_url else None
        senders = [Sender(chain, signer, fees, submit_to) for signer in signers_of(self.config, found)]
        self.worker = Keeper(
            chain,
            senders,
            [oracle.Endpoint(item.url, item.address) for item in found.publishers],
            policy_of(self.config),
            hints=HeadHints(settings.ws_url) if settings.ws_url else None,
            poll_seconds=float(settings.poll_seconds),
            jitter_seconds=settings.jitter_ms / 1000,
            gas_feed=settings.gas_feed,
            metrics=self.metrics,
        )
        log.info("keeping", keys=[sender.address for sender in senders], node=found.rpc_url, mode=settings.mode)
        try:
            await self.worker.run()
        finally:
            if submit_to:
                await submit_to.provider.disconnect()
