"""What the package raises."""

from __future__ import annotations


class CandlewickError(Exception):
    """What failed, why, and what to do, in a sentence. All exceptions of this package are subclasses."""


class InvalidArgument(CandlewickError, ValueError):
    """The caller gave something that cannot be used, such as `EURUSDX` for a pair."""


class Unreadable(CandlewickError, OSError):
    """The database, journal or archive cannot be read, or is not there."""


class WaitedTooLong(CandlewickError, TimeoutError):
    """What was waited for did not come in time. The market may be closed."""


class MissingPackage(CandlewickError, ImportError):
    """Something needs a package that is not installed; the message has the command."""


def missing(what: str, package: str, extra: str) -> MissingPackage:
    return MissingPackage(f"{what} need {package}: pip install 'candlewick[{extra}]'")
