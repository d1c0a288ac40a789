"""Our ForexDatabase, the class that bots are written against: the last 200 candles as a pandas DataFrame."""

import common
import queries

arguments = queries.arguments(__doc__)
common.need("pandas")
from forex_database import ForexDatabase

database = ForexDatabase(arguments.database)
queries.measure(lambda pair, timeframe: database.get_candles(pair, timeframe, 200), arguments.count)
