"""`make test` plays the same examples on every machine; `make fuzz` draws new ones each time."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, print_blob=True)
settings.register_profile("random", derandomize=False, print_blob=True)
settings.load_profile("random" if os.environ.get("PLIMSOLL_FUZZ_STEPS") else "repeatable")
