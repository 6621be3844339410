"""The page, for people who run the demo: built when its sources changed, then served by `vite preview`."""

import asyncio
from pathlib import Path

import aiohttp

from plimsoll.artifacts import BUILD, ROOT
from plimsoll.errors import PlimsollError
from plimsoll.processes import Child, Children

FRONTEND = ROOT / "frontend"
BUILT = FRONTEND / "dist" / "index.html"
BUILD_SECONDS = 180.0
START_SECONDS = 30.0


def is_stale() -> bool:
    """Whether the built page is missing or older than what it is made of."""
    if not BUILT.exists():
        return True
    made = BUILT.stat().st_mtime
    sources = [FRONTEND / "index.html", FRONTEND / "vite.config.ts", FRONTEND / "package-lock.json"]
    folders = (FRONTEND / "src", FRONTEND / "public", BUILD)
    sources += [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    # What the build itself generates does not make the build old.
    generated = FRONTEND / "src" / "generated"
    return any(path.exists() and path.stat().st_mtime > made for path in sources if generated not in path.parents)


def start_build(children: Children) -> Child | None:
    """Starts a build if one is needed."""
    return children.start("page-build", ["npm", "run", "--silent", "build"], cwd=FRONTEND) if is_stale() else None


async def serve_page(children: Children, build: Child | None, port: int, deployments: Path) -> str:
    """Waits for the build and serves the page; its address. PlimsollError if it cannot be built or served."""
    if build is not None:
        is_done = await build.finish(BUILD_SECONDS)
        tail = build.tail()
        children.stop(build)
        if not is_done:
            raise PlimsollError(f"the page could not be built: {tail}")
    env = {"PLIMSOLL_WEB_PORT": str(port), "PLIMSOLL_DEPLOYMENTS": str(deployments)}
    vite = FRONTEND / "node_modules" / ".bin" / "vite"
    child = children.start("page", [str(vite), "preview"], env, cwd=FRONTEND)
    address = f"http://127.0.0.1:{port}/"
    await wait_for(child, address, START_SECONDS)
    return address


async def wait_for(child: Child, url: str, seconds: float) -> None:
    """Until `url` answers 200. PlimsollError with the child's last words if it does not."""
    deadline = asyncio.get_running_loop().time() + seconds
    async with aiohttp.ClientSession() as session:
        while asyncio.get_running_loop().time() < deadline:
            if not child.is_running:
                raise PlimsollError(f"{child.name} ended: {child.tail()}")
            try:
                async with session.get(url, timeout=aiohttp.ClientTimeout(total=5)) as response:
                    if response.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.1)
    raise PlimsollError(f"{child.name} does not answer at {url}: {child.tail()}")
