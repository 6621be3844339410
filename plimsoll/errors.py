"""The one error a command shows as a single line."""


class PlimsollError(Exception):
    """Something the user can put right. Its message is one line: what is wrong, and with what."""
