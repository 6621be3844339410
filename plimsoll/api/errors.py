"""What a caller did wrong, to be told in one sentence."""


class RequestError(Exception):
    """`status` is 400 or 404."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
