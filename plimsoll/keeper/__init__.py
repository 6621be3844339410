"""The keeper: brings prices in, executes orders, liquidates, deleverages.

`core` decides, purely, from what `follower`, `collector` and the simulation say; `worker` does it.
"""
