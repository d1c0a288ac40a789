"""All measurements. Each is a list of subjects that run in turns; a subject gives one figure a round."""

import chains
import parts
import reads
import restarts
from measure import OURS, Measure


def all_measures(data, options):
    return [
        parts.parse(data, options), parts.fold(data), parts.journal(data, options), parts.replay(data),
        parts.bus(options), parts.store(data, 1_000), parts.store(data, 56), reads.query(options),
        *parts.served(data, options), *reads.window(options),
        chains.chain(data, options), chains.arrival(data, options), chains.restart(data),
        restarts.measure(Measure, OURS, options), chains.close(options), chains.grace(options),
    ]
