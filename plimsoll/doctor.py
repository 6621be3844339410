"""What keeps an exchange from working, found by asking everything it needs: cause and remedy of each.

Checks run in the order in which one thing needs the other; what cannot be asked, because something before it failed,
is skipped and says so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import aiohttp
from web3.exceptions import Web3Exception

from plimsoll import artifacts, oracle
from plimsoll.chain import CONNECTION_ERRORS, Chain
from plimsoll.config import Config
from plimsoll.errors import PlimsollError
from plimsoll.fees import first_fees
from plimsoll.keeper import core
from plimsoll.keeper.reader import read_rules
from plimsoll.keeper.service import fees_of, signers_of
from plimsoll.observation import Domain
from plimsoll.provider import NotANodeError

RPC_SECONDS = 5.0
PUBLISHER_SECONDS = 4.0
OLD_HEAD_SECONDS = 30
RUNS_AHEAD_SECONDS = 5
CALL_GAS = core.LIMITS.fixed + 3 * core.LIMITS.price + 3 * core.LIMITS.market
"""Of the smallest useful call: a keeper that cannot pay for it does nothing."""
LOW_CALLS = 20
ETH = 10**18


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One check: what it found, and what to do about it."""

    check: str
    state: State
    cause: str
    remedy: str = ""


def failed(check: str, cause: str, remedy: str) -> Finding:
    return Finding(check, State.FAILED, cause, remedy)


def warning(check: str, cause: str, remedy: str) -> Finding:
    return Finding(check, State.WARNING, cause, remedy)


def ok(check: str, cause: str) -> Finding:
    return Finding(check, State.OK, cause)


NAMES = ("chain", "contracts", "wiring", "publishers", "prices", "markets", "wallet", "keeper")
"""Checks that need a deployment, in order; "chain" is the one that all others need."""


async def examine(config: Config) -> list[Finding]:
    """Every check, in order."""
    try:
        deployment = config.network.load_deployment()
    except PlimsollError as error:
        remedy = "deploy with `ape run deploy` or `make demo`, or name the file with --deployment"
        return [failed("deployment", str(error), remedy), *_skipped(NAMES, "deployment")]
    first = ok("deployment", f"{deployment.network}: {len(deployment.markets)} markets, chain {deployment.chain_id}")
    chain = Chain(deployment, RPC_SECONDS)
    try:
        found = await check_chain(chain)
        if found.state is State.FAILED:
            return [first, found, *_skipped(NAMES[1:], "chain")]
        findings = [first, found]
        for name, check in _checks(chain, config):
            try:
                findings += await check()
            except Exception as error:  # one check that ends badly is a finding and no reason to leave out the rest
                cause = str(error) if isinstance(error, PlimsollError) else f"{type(error).__name__}: {error}"
                remedy = "see the checks above: this one needs them"
                findings.append(failed(name, f"cannot be read: {cause}", remedy))
        return findings
    finally:
        await chain.close()


def _skipped(names: Sequence[str], because: str) -> list[Finding]:
    return [Finding(name, State.SKIPPED, f"needs {because}") for name in names]


def _checks(chain: Chain, config: Config) -> list[tuple[str, Callable[[], Awaitable[list[Finding]]]]]:
    return [
        ("contracts", lambda: check_contracts(chain)),
        ("wiring", lambda: check_wiring(chain)),
        ("publishers", lambda: check_publishers(chain)),
        ("prices", lambda: check_prices(chain)),
        ("markets", lambda: check_markets(chain)),
        ("wallet", lambda: check_wallet(chain, config)),
        ("keeper", lambda: check_keeper(config)),
    ]


async def check_chain(chain: Chain) -> Finding:
    """The node answers, runs the deployment's chain, and its head is of now."""
    url = chain.deployment.rpc_url
    try:
        genesis, chain_id = await chain.genesis_hash(), await chain.w3.eth.chain_id
        head = await chain.w3.eth.get_block("latest")
    except NotANodeError as error:
        return failed("chain", f"{url}: {error}", "set network.rpc_url to a node that runs")
    except (Web3Exception, *CONNECTION_ERRORS):
        remedy = "start the node, or set network.rpc_url to one that runs"
        return failed("chain", f"no chain answers at {url}", remedy)
    try:
        chain.deployment.check_chain(chain_id, genesis)
    except PlimsollError as error:
        remedy = "set network.rpc_url to a node of that chain, or network.deployment to the file of this one"
        return failed("chain", str(error), remedy)
    age = int(time.time()) - head["timestamp"]
    if age > OLD_HEAD_SECONDS:
        return warning("chain", f"the newest block is {age} s old", "see whether the node syncs and the chain mines")
    if age < -RUNS_AHEAD_SECONDS:
        return warning("chain", f"the newest block is {-age} s in the future", "set the clock of this machine right")
    return ok("chain", f"chain {chain_id} at {url}, block {head['number']}")


async def check_contracts(chain: Chain) -> list[Finding]:
    """The code on the chain is what this version of the sources compiles to."""
    named = [*chain.deployment.contracts.items()]
    named += [("Market", entry.address) for entry in chain.deployment.markets.values()]
    remedy = "check out the version that was deployed, or deploy this one and use its deployments file"
    findings = []
    for name, address in named:
        code = bytes(await chain.w3.eth.get_code(address))
        if not code:
            findings.append(failed("contracts", f"no contract at {address}, where {name} should be", remedy))
        elif not artifacts.is_code_of(code, artifacts.load(name)):
            findings.append(failed("contracts", f"the code at {address} is not that of {name}", remedy))
    return findings or [ok("contracts", f"{len(named)} contracts have the code of these sources")]


async def check_wiring(chain: Chain) -> list[Finding]:
    """Contracts know each other as the deployments file has them."""
    address_of = chain.deployment.address
    expected: list[tuple[str, Any, str]] = [
        ("MarginPool.order_book", chain.contract("MarginPool").functions.order_book(), address_of("OrderBook")),
        ("MarginPool.token", chain.contract("MarginPool").functions.token(), address_of("CollateralToken")),
        ("OrderBook.pool", chain.contract("OrderBook").functions.pool(), address_of("MarginPool")),
    ]
    for symbol, entry in chain.deployment.markets.items():
        market = chain.at("Market", entry.address).functions
        expected.append((f"{symbol}.pool", market.pool(), address_of("MarginPool")))
        expected.append((f"{symbol}.insurance", market.insurance(), address_of("InsuranceFund")))
    wrong = [name for name, function, address in expected if await function.call() != address]
    for symbol, entry in chain.deployment.markets.items():
        if "0x" + bytes(await chain.at("Market", entry.address).functions.feed().call()).hex() != entry.feed:
            wrong.append(f"{symbol}.feed")
        if not await chain.contract("OrderBook").functions.is_listed(entry.address).call():
            wrong.append(f"{symbol} is not listed")
    if wrong:
        remedy = "the deployments file is of several deployments: write it anew"
        return [failed("wiring", f"not as the deployments file has it: {', '.join(wrong)}", remedy)]
    return [ok("wiring", "contracts know each other")]


async def check_publishers(chain: Chain) -> list[Finding]:
    """Enough publishers answer, with fresh observations of every feed under the right key that agree."""
    rules = await read_rules(chain)
    domain = Domain(chain.deployment.chain_id, chain.deployment.address("PriceFeed"))
    endpoints = [oracle.Endpoint(item.url, item.address) for item in chain.deployment.publishers]
    async with aiohttp.ClientSession() as session:
        answers = await asyncio.gather(*(oracle.fetch(session, item, 0, PUBLISHER_SECONDS) for item in endpoints))
    now = int(time.time())
    findings, good = [], []
    for endpoint, answer in zip(endpoints, answers, strict=True):
        signed = oracle.verified(answer, domain)
        problem = _problem(endpoint, signed, len(answer), rules, now)
        if problem:
            remedy = f"restart the publisher at {endpoint.url} and see its log"
            findings.append(warning("publishers", f"{endpoint.url}: {problem}", remedy))
        else:
            good += signed
    reports = oracle.choose(good, rules, now)
    for symbol, entry in chain.deployment.markets.items():
        report = reports.get(bytes.fromhex(entry.feed[2:]), [])
        outside = {item.signer for item in good} - {item.signer for item in report} if report else set()
        if not report:
            cause = f"no quorum for {symbol}: {rules.quorum} of {len(rules.publishers)} have to publish and to agree"
            findings.append(
                failed("publishers", cause, "start the publishers that are missing: no price moves without")
            )
        elif outside:
            cause = f"{', '.join(sorted(outside))} says another price of {symbol} than the others"
            findings.append(warning("publishers", cause, "see what that publisher's source says"))
    return findings or [ok("publishers", f"{len(endpoints)} publish, a quorum is {rules.quorum}")]


def _problem(
    endpoint: oracle.Endpoint, signed: Sequence[Any], answered: int, rules: oracle.Rules, now: int
) -> str | None:
    if endpoint.signer not in rules.publishers:
        return f"{endpoint.signer} is no publisher of this price feed"
    if not answered:
        return "does not answer"
    if not signed:
        return "signs with another key, or for another chain or price feed"
    age = now - max(item.published_at for item in signed)
    return f"published last {age} s ago" if age >= rules.max_age else None


async def check_prices(chain: Chain) -> list[Finding]:
    """Every feed has a price on the chain that markets still trade on."""
    head = await chain.w3.eth.get_block("latest")
    findings = []
    remedy = "start a keeper: it brings in what publishers say"
    for symbol, entry in chain.deployment.markets.items():
        price, published_at = await chain.price(bytes.fromhex(entry.feed[2:]))
        age, most = head["timestamp"] - published_at, entry.params["max_age"]
        if not price:
            findings.append(failed("prices", f"{symbol} has no price yet", remedy))
        elif age > most:
            findings.append(failed("prices", f"the price of {symbol} is stale: {age} s old, at most {most} s", remedy))
    return findings or [ok("prices", "every market has a fresh price")]


async def check_markets(chain: Chain) -> list[Finding]:
    """No market has work left, settles, or is paused."""
    lens = chain.contract("Lens").functions
    findings = []
    for symbol, entry in chain.deployment.markets.items():
        view, work = await chain.read(lens.market(entry.address)), await chain.read(lens.work(entry.address))
        if view.is_settling:
            remedy = "tell traders to close: positions are paid their share"
            findings.append(failed("markets", f"{symbol} settles: the vault could not pay", remedy))
        elif work.bankrupt_buckets or work.liquidatable_buckets:
            cause = f"{symbol} has {work.liquidatable_buckets} buckets to liquidate, {work.bankrupt_buckets} bankrupt"
            findings.append(warning("markets", cause, "start a keeper, or see why it does not work"))
        if view.is_increase_paused:
            findings.append(warning("markets", f"{symbol} is paused for increases", "the owner ends a pause"))
    return findings or [ok("markets", f"{len(chain.deployment.markets)} markets, none with work left")]


async def check_wallet(chain: Chain, config: Config) -> list[Finding]:
    """The keeper's keys are there and can pay for gas."""
    try:
        signers = signers_of(config, chain.deployment)
    except PlimsollError as error:
        return [failed("wallet", str(error), "name the keys in [[keeper.key]]")]
    base_fee, policy = await chain.base_fee(), fees_of(config)
    fees = first_fees(base_fee, policy)
    price = fees.most if fees else policy.cap
    findings = []
    if fees is None:
        cause = f"gas costs {base_fee} wei, and keeper.max_fee_gwei allows {policy.cap} with the tip: nothing is sent"
        findings.append(warning("wallet", cause, "raise keeper.max_fee_gwei, or wait"))
    for signer in signers:
        balance = await chain.w3.eth.get_balance(signer.address)
        remedy = f"send ETH to {signer.address}"
        if balance < CALL_GAS * price:
            findings.append(failed("wallet", f"{signer.address} is empty: {_eth(balance)}", remedy))
        elif balance < LOW_CALLS * CALL_GAS * price:
            findings.append(warning("wallet", f"{signer.address} is low: {_eth(balance)}", remedy))
        else:
            findings.append(ok("wallet", f"{signer.address} has {_eth(balance)}"))
    return findings


def _eth(wei: int) -> str:
    return f"{wei // ETH}.{wei % ETH // 10**12:06d} ETH"


async def check_keeper(config: Config) -> list[Finding]:
    """The keeper of this configuration runs, and its rounds succeed."""
    url = f"http://{config.keeper.host}:{config.keeper.port}/health"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=RPC_SECONDS)) as session,
            session.get(url) as response,
        ):
            body = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return [warning("keeper", f"no keeper answers at {url}", "start one with `plimsoll keeper`")]
    if not body.get("ok"):
        return [failed("keeper", f"it fails: {body.get('trouble') or 'no round yet'}", "see its log")]
    return [ok("keeper", f"works, block {body.get('block')}, {body.get('orders_waiting')} orders wait")]


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing failed."""
    return not any(finding.state is State.FAILED for finding in findings)
