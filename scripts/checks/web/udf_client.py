"""The way in which the client of TradingView's UDF pages, after its `history-provider`; prices stay text."""

import json
from urllib.parse import urlencode


class History:
    """The bars of a symbol.

    limit: how many bars the server gives at once, if the client was told; it then asks for the rest, the newest first.
    """

    def __init__(self, world, symbol, resolution, limit=0):
        self.world, self.limit = world, limit
        self.symbol = {"symbol": symbol, "resolution": resolution}

    def ask(self, parameters):
        answer = self.world.get(f"/udf/history?{urlencode(self.symbol | parameters)}")
        assert answer.status == 200, answer
        return json.loads(answer.body, parse_float=str)

    def page(self, parameters):
        answer = self.ask(parameters)
        assert answer["s"] in ("ok", "no_data"), answer
        if answer["s"] == "no_data":
            return []
        columns = [answer[name] for name in "tohlcv"]
        assert len({len(column) for column in columns}) == 1, "the columns differ in length"
        return [dict(zip("tohlcv", values)) for values in zip(*columns)]

    def bars(self, start, end, countback=None):
        """What one getBars gives."""
        parameters = {"from": start, "to": end} | ({"countback": countback} if countback else {})
        bars = page = self.page(parameters)
        while self.limit and len(page) == self.limit and parameters["from"] < parameters["to"]:
            if "countback" in parameters:
                parameters["countback"] -= len(page)
                if parameters["countback"] <= 0:
                    break
            parameters["to"] = bars[0]["t"]
            page = self.page(parameters)
            assert not page or page[-1]["t"] < bars[0]["t"], "a follow-up page overlaps"
            bars = page + bars
        return bars

    def scroll(self, end, page):
        """All bars before a moment, as a chart gets them that is scrolled to the left."""
        step = int(self.symbol["resolution"]) * 60
        bars = []
        while found := self.bars(end - page * step, end, page):
            assert len(found) <= page, "more bars than asked for"
            bars = found + bars
            end = found[0]["t"]
        return bars
