internal import IG
internal import MarketData
internal import Reports
internal import Streams
internal import Wire
internal import Yams

/// A key of the configuration file. A new setting is a field of `Configuration` and a key here.
public struct ConfigurationKey: Sendable {
    /// With its sections, such as `journal.retention_days`.
    public let path: String
    /// What values it takes.
    public let range: String
    /// What it means: a phrase without its end.
    public let help: String
    /// The value in a configuration, as YAML has it.
    public let value: @Sendable (Configuration) -> String
    let read: @Sendable (inout Configuration, Node, YAMLReader) throws -> Void

    /// Its value if the file says nothing.
    public var defaultValue: String { value(Configuration()) }

    private static func integer<Number: FixedWidthInteger & Sendable>(
        _ path: String, _ field: any WritableKeyPath<Configuration, Number> & Sendable, _ range: ClosedRange<Int>,
        _ help: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, range: "\(range.lowerBound) to \(range.upperBound)", help: help,
            value: { "\($0[keyPath: field])" },
            read: { $0[keyPath: field] = Number(try $2.integer($1, range)) })
    }

    /// - Parameter unit: of the file's number, and of `range`.
    private static func duration(
        _ path: String, _ field: any WritableKeyPath<Configuration, Duration> & Sendable, _ range: ClosedRange<Int>,
        unit: Duration, _ help: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path, range: "\(range.lowerBound) to \(range.upperBound)", help: help,
            value: { "\($0[keyPath: field].nanoseconds / unit.nanoseconds)" },
            read: { $0[keyPath: field] = unit * (try $2.integer($1, range)) })
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ path: String, _ field: any WritableKeyPath<Configuration, Choice> & Sendable, _ help: String
    ) -> ConfigurationKey {
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return ConfigurationKey(
            path: path, range: known, help: help, value: { $0[keyPath: field].rawValue },
            read: { configuration, node, reader in
                guard let word = Choice(rawValue: reader.text(node)) else {
                    throw reader.refuse(node, "\(path) '\(reader.text(node))' is not one of \(known)")
                }
                configuration[keyPath: field] = word
            })
    }

    /// A pair alone, or with what is not the default.
    private static func text(_ instrument: Instrument) -> String {
        let epic = instrument.hasUsualEpic ? "" : ", epic: \(instrument.epic)"
        let scale = instrument.scale == 1 ? "" : ", scale: \(instrument.scale)"
        let hours = instrument.hours == .fx ? "" : ", hours: \(instrument.hours.text)"
        let extra = epic + scale + hours
        return extra.isEmpty ? "\(instrument.pair)" : "{pair: \(instrument.pair)\(extra)}"
    }

    /// All of them, in the order of the document and the sample.
    public static let all: [ConfigurationKey] = [
        ConfigurationKey(
            path: "collector", range: "1 to 16 of a-z 0-9 _ -, a letter or digit first",
            help: "the name of this account's stages and of their streams, if several accounts stream",
            value: { "\($0.collector)" },
            read: { configuration, node, reader in
                guard let collector = Collector(reader.text(node)) else {
                    throw reader.refuse(
                        node,
                        "collector '\(reader.text(node))' is not a name of 1 to 16 of a-z 0-9 _ -, a letter or digit first"
                    )
                }
                configuration.collector = collector
            }),
        ConfigurationKey(
            path: "instruments", range: "a list, not empty; no pair and no epic twice",
            help:
                "the streamed pairs; one less than the account's stream has items, usually 39 at most, since the heartbeat "
                + "takes one; more need another collector",
            value: { "[\($0.instruments.map(text).joined(separator: ", "))]" },
            read: { $0.instruments = try $2.instruments($1) }),
        ConfigurationKey(
            path: "timeframes", range: "a list, not empty; whole minutes that divide a day",
            help: "such as 5, 5m, 1h or 1d; repeats count once",
            value: { "[\($0.timeframes.map { "\($0)" }.joined(separator: ", "))]" },
            read: { $0.timeframes = try $2.timeframes($1) }),
        choice(
            "closing", \.closing,
            "next_tick closes a pair's candle with the pair's first tick at or beyond its end, and after the grace if the "
                + "pair is quiet; grace closes every candle after the grace"),
        duration(
            "grace_milliseconds", \.grace, 0...60_000, unit: .milliseconds(1),
            "how long after an interval's end its candle waits for ticks, in feed time"),
        duration(
            "late_reach_minutes", \.lateReach, 10...10_080, unit: .seconds(60),
            "how long after its end a candle still gets a new revision, in feed time"),
        choice(
            "second_opinion", \.secondOpinion,
            "observe marks a candle as disputed if the broker's own candle reaches beyond it; "
                + "enforce also makes it partial, so that repair buys it; off does not request native candles"),
        integer(
            "stream.login_spacing_seconds", \.stream.loginSpacingSeconds, 0...3_600,
            "the shortest time between two logins; IG answers quicker ones with dead tokens"),
        integer(
            "journal.segment_records", \.journal.segmentRecords, 1_024...16_777_216, "records in one segment"),
        integer(
            "journal.sync_milliseconds", \.journal.syncMilliseconds, 1...60_000,
            "time between two syncs of appended records to the disk: the most that a power cut can lose"),
        integer(
            "journal.retention_days", \.journal.retentionDays, 0...36_500,
            "age at which segments are dropped, in the stream's time; 0: never"),
        integer(
            "journal.retention_megabytes", \.journal.retentionMegabytes, 0...1_000_000_000,
            "size of a journal above which its oldest segments are dropped; 0: no limit"),
        integer(
            "history.depth", \.history.depth, 1...10_000,
            "candles that ingest-backfill wants of each pair and timeframe"),
        integer(
            "history.weekly_points", \.history.weeklyPoints, 1...100_000_000,
            "points of a week, until IG has reported its own figure"),
        integer(
            "history.reserve_points", \.history.reservePoints, 0...100_000_000,
            "points left alone without --spend-reserve, fewer than weekly_points; repair uses them for holes of the last day"
        ),
        integer(
            "history.repair_days", \.history.repairDays, 1...360,
            "repair looks for holes no older than this, and never before the first streamed candle"),
        integer(
            "history.repair_points", \.history.repairPoints, 1...100_000_000, "the most points of one run of repair"),
        integer(
            "history.repair_week_percent", \.history.repairWeekPercent, 1...100,
            "the most that repair spends in seven days, in percent of the week's points"),
        integer(
            "history.request_spacing_milliseconds", \.history.requestSpacingMilliseconds, 0...60_000,
            "time between two requests to IG's history in the long run"),
        integer(
            "history.request_burst", \.history.requestBurst, 1...100, "requests that may be sent at once after a pause"),
        integer(
            "store.batch_rows", \.store.batchRows, 1...100_000, "records after which a transaction is committed"),
        integer(
            "store.batch_milliseconds", \.store.batchMilliseconds, 1...200,
            "the longest that a received candle waits for its commit while more candles follow"),
        integer(
            "store.retention_days", \.store.retentionDays, 0...36_500,
            "age at which rows are deleted, of every machine on the database; 0: never"),
        ConfigurationKey(
            path: "relay.listen", range: "off, or HOST:PORT: an address of this machine or *, and a port up to 65534",
            help: "where candlewick-relay offers the streams to other machines; the port behind it is taken too",
            value: { $0.relay.listen.map { "'\($0)'" } ?? "off" },
            read: { $0.relay.listen = try $2.relayAddress($1) }),
        ConfigurationKey(
            path: "web.listen", range: "HOST:PORT: an address of this machine or *; or unix:/path/to/socket",
            help: "where candlewick-web answers; addresses that other machines can reach need a token",
            value: { "'\($0.web.listen)'" },
            read: { $0.web.listen = try $2.listenAddress($1) }),
        ConfigurationKey(
            path: "web.origins", range: "a list, may be empty",
            help: "pages of other servers that may read from candlewick-web, such as https://charts.example.org",
            value: { "[\($0.web.origins.joined(separator: ", "))]" },
            read: { $0.web.origins = try $2.origins($1) }),
        integer(
            "watch.every_seconds", \.watch.everySeconds, 1...60,
            "time between two looks of candlewick-watch at the verdict"),
        integer(
            "watch.hold_seconds", \.watch.holdSeconds, 0...3_600,
            "how long a finding must be there before a message says so, and how long away before it counts as ended"),
        integer(
            "watch.repeat_minutes", \.watch.repeatMinutes, 0...10_080,
            "time between two messages while something is bad; 0: no repeats"),
        choice("watch.least", \.watch.least, "the least state of a finding that makes a message"),
        choice(
            "watch.shape", \.watch.shape, "what the webhook takes; its address is the credential CANDLEWICK_WATCH_URL"),
        word(
            "watch.chat", \.watch.chat, "a chat's number or @name",
            "the chat that gets the messages, of shape telegram",
            isChat),
        word(
            "watch.command", \.watch.command, "an absolute path of a program without spaces",
            "the program that gets each message as JSON on its standard input", isProgram),
        word(
            "watch.mail", \.watch.mail, "an address such as ops@example.org",
            "the address that gets each message by the local sendmail", isAddress),
        integer(
            "watch.ping_seconds", \.watch.pingSeconds, 1...86_400,
            "time between two pings while all is well; their address is the credential CANDLEWICK_WATCH_PING_URL"),
    ]

    /// The keys as a table in Markdown.
    public static var table: String {
        let rows = all.map { key in
            let isLong = key.path == "instruments"
            let value = isLong ? "the 28 crosses of EUR, GBP, AUD, NZD, USD, CAD, CHF, JPY" : "`\(key.defaultValue)`"
            return ["`\(key.path)`", value, key.range, key.help]
        }
        return MarkdownTable(head: ["key", "default", "range", "meaning"], rows: rows).text
    }

    /// A configuration that changes nothing: every key behind a `#`, with its meaning and its default.
    public static var sample: String {
        var lines = [
            "# Settings of all stages. Every key has a default, shown here behind a #.",
            "# The stages read this file at their start: systemctl restart candlewick.target",
        ]
        var section = ""
        for key in all {
            let parts = key.path.split(separator: ".").map(String.init)
            let name = parts[parts.count - 1]
            let isInSection = parts.count > 1
            lines.append("")
            if isInSection, parts[0] != section {
                section = parts[0]
                lines.append("# \(section):")
            }
            let indent = isInSection ? "  " : ""
            lines += wrapped("\(key.help) (\(key.range))", width: 96).map { "# \(indent)# \($0)" }
            let value = key.path == "instruments" ? "[EUR_USD, GBP_USD]" : key.defaultValue
            lines.append("# \(indent)\(name): \(value)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
