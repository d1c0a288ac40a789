"""What a measurement is."""

from programs import run

OURS = "candlewick"
LIMIT = "C"


class Measure:
    """What is measured, on what, against what.

    kind `rate`: operations a second; `latency`: nanoseconds, of which the median counts and the 99th percentile is shown;
    `report`: no ratios, but what `show` prints of all subjects; it returns the rows and sentences about what is wrong.
    uses_day: it needs the measured day of ticks, as no report does.
    """

    def __init__(self, name, title, subjects, kind="rate", target=None, is_quick=True, rounds_most=None, show=None,
                 uses_day=True):
        self.name = name
        self.title = title
        self.subjects = subjects
        self.kind = kind
        self.target = target
        self.is_quick = is_quick
        self.rounds_most = rounds_most
        self.show = show
        self.uses_day = uses_day and kind != "report"


def command(make):
    """A subject that is one program."""
    return lambda: run(make())
