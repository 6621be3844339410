"""Five real publishers over HTTP with a price that the test sets; some can be told to lie or to be gone."""

from plimsoll import accounts
from plimsoll.deployments import Deployment, PublisherEntry
from plimsoll.keys import LocalSigner
from plimsoll.observation import Domain
from plimsoll.publisher import Publisher, app_of
from plimsoll.service import serve
from plimsoll.sources.base import Computed

COUNT = 5
NOWHERE = accounts.dev_account(0).address


class Publishers:
    """All agree to the last digit, so that a report of any four of them is the same price."""

    def __init__(self, prices: dict[str, int]) -> None:
        self.prices = dict(prices)
        self.lies_percent = [0] * COUNT
        self.ports = [0] * COUNT
        self.workers = [self._worker(index) for index in range(COUNT)]
        self.runners: list = [None] * COUNT

    def _worker(self, index: int) -> Publisher:
        def source(name: str, second: int) -> int:
            return self.prices[name] * (100 + self.lies_percent[index]) // 100

        signer = LocalSigner(accounts.dev_account(accounts.FIRST_PUBLISHER + index))
        return Publisher(signer, Domain(0, NOWHERE), list(self.prices), Computed(source), str(index), noise_ppm=0)

    def sign_for(self, deployment: Deployment) -> None:
        """From now on signatures count on that deployment."""
        for worker in self.workers:
            worker.domain = Domain(deployment.chain_id, deployment.contracts["PriceFeed"])

    def into(self, deployment: Deployment) -> Deployment:
        """`deployment` with where these publishers serve."""
        entries = [
            PublisherEntry(address=worker.signer.address, url=f"http://127.0.0.1:{port}")
            for worker, port in zip(self.workers, self.ports, strict=True)
        ]
        return deployment.model_copy(update={"publishers": entries})

    async def start(self) -> None:
        for index in range(COUNT):
            await self.start_one(index)

    async def start_one(self, index: int) -> None:
        runner = await serve(app_of(self.workers[index]), self.ports[index])
        self.ports[index] = runner.addresses[0][1]
        self.runners[index] = runner

    async def stop_one(self, index: int) -> None:
        runner, self.runners[index] = self.runners[index], None
        if runner is not None:
            await runner.cleanup()

    async def stop(self) -> None:
        for index in range(COUNT):
            await self.stop_one(index)
