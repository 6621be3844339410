"""Keys from files, from the environment and behind HTTP."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from eth_account import Account
from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature
from pydantic import ValidationError

from plimsoll.config import Key
from plimsoll.errors import PlimsollError
from plimsoll.keys import HttpSigner, LocalSigner, open_key
from plimsoll.service import serve

ACCOUNT = Account.from_key(b"\x42" * 32)
OTHER = Account.from_key(b"\x43" * 32)
DIGEST = b"\x07" * 32


def signer_of(v: int, r: int, s: int) -> str:
    return Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(DIGEST).to_checksum_address()


def with_signer(answer: Callable[[dict[str, Any], str | None], Any], ask: Callable[[str], Any]) -> Any:
    """Serves `answer(request, authorization)` over HTTP and runs `ask(url)`."""

    async def scenario() -> Any:
        async def handle(request: web.Request) -> web.Response:
            return web.json_response(answer(await request.json(), request.headers.get("Authorization")))

        app = web.Application()
        app.add_routes([web.post("/sign", handle)])
        runner = await serve(app, 0)
        try:
            return await ask(f"http://127.0.0.1:{runner.addresses[0][1]}/sign")
        finally:
            await runner.cleanup()

    return asyncio.run(scenario())


def signature(account: Any, is_high: bool = False) -> str:
    signed = account.unsafe_sign_hash(DIGEST)
    s, v = (SECPK1_N - signed.s, 55 - signed.v) if is_high else (signed.s, signed.v)
    return "0x" + (signed.r.to_bytes(32) + s.to_bytes(32) + bytes([v])).hex()


def test_local_signer__signs_as_its_address() -> None:
    signer = LocalSigner(ACCOUNT)
    assert signer_of(*asyncio.run(signer.sign_hash(DIGEST))) == signer.address == ACCOUNT.address


@pytest.mark.parametrize("is_high", [False, True])
def test_http_signer__asks_with_its_token_and_gives_low_s(is_high: bool) -> None:
    seen: list[Any] = []

    def answer(request: dict[str, Any], authorization: str | None) -> dict[str, str]:
        seen.append((request, authorization))
        return {"signature": signature(ACCOUNT, is_high)}

    v, r, s = with_signer(answer, lambda url: HttpSigner(url, ACCOUNT.address, "secret").sign_hash(DIGEST))
    assert signer_of(v, r, s) == ACCOUNT.address and s <= SECPK1_N // 2 and v in (27, 28)
    assert seen == [({"address": ACCOUNT.address, "digest": "0x" + DIGEST.hex()}, "Bearer secret")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"signature": signature(OTHER)}, "did not sign as"),
        ({"signature": "0x1234"}, "a signature has 65 bytes, got 2"),
        ({"signature": "0x" + "00" * 65}, "did not sign as"),
        ({"error": "no"}, "signature"),
        ([], "signer http"),
    ],
)
def test_http_signer__a_wrong_answer__is_refused(body: Any, message: str) -> None:
    with pytest.raises(PlimsollError, match=message):
        with_signer(lambda *_: body, lambda url: HttpSigner(url, ACCOUNT.address).sign_hash(DIGEST))


def test_http_signer__nobody_there__is_an_error() -> None:
    with pytest.raises(PlimsollError, match=r"signer http://127\.0\.0\.1:9/"):
        asyncio.run(HttpSigner("http://127.0.0.1:9/", ACCOUNT.address).sign_hash(DIGEST))


def test_open_key__keystore_with_a_password_file(tmp_path: Path) -> None:
    keystore, password, wrong = (tmp_path / name for name in ("key.json", "password", "wrong"))
    keystore.write_text(json.dumps(Account.encrypt(ACCOUNT.key, "open sesame", kdf="pbkdf2", iterations=1_000)))
    password.write_text("open sesame\n")
    wrong.write_text("sesame\n")
    assert open_key(Key(keystore=keystore, password_file=password)).address == ACCOUNT.address
    with pytest.raises(PlimsollError, match="the password is wrong"):
        open_key(Key(keystore=keystore, password_file=wrong))
    with pytest.raises(PlimsollError, match="missing cannot be read: No such file"):
        open_key(Key(keystore=keystore, password_file=tmp_path / "missing"))


def test_open_key__environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "0x" + ACCOUNT.key.hex())
    assert open_key(Key(env="SOME_KEY")).address == ACCOUNT.address
    monkeypatch.setenv("SOME_KEY", "0xsecret")
    with pytest.raises(PlimsollError, match=r"^SOME_KEY: not a private key$"):
        open_key(Key(env="SOME_KEY"))
    with pytest.raises(PlimsollError, match="OTHER_KEY is not set"):
        open_key(Key(env="OTHER_KEY"))


def test_open_key__signer_with_a_token_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")

    def answer(request: dict[str, Any], authorization: str | None) -> dict[str, str]:
        return {"signature": signature(ACCOUNT)} if authorization == "Bearer secret" else {}

    def ask(url: str) -> Any:
        key = Key(signer_url=url, address=ACCOUNT.address, token_file=tmp_path / "token")
        return open_key(key).sign_hash(DIGEST)

    assert signer_of(*with_signer(answer, ask)) == ACCOUNT.address


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give one of env, keystore or signer_url"),
        ({"env": "A", "keystore": "b", "password_file": "c"}, "give one of"),
        ({"keystore": "b"}, "keystore and password_file go together"),
        ({"signer_url": "http://x"}, "signer_url and address go together"),
        ({"env": "A", "token_file": "t"}, "token_file goes with signer_url"),
    ],
)
def test_key__names_exactly_one_place(fields: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Key(**fields)
