import Glibc
import Host
import IGClient
import MarketData
import Settings
import Streams
import Testing
import TestKit
import Wire

@Suite struct ConfigurationTests {
    @Test func `no file is needed`() throws {
        let configuration = try Configuration.load(environment: Environment([:]))
        #expect(configuration.instruments.count == 28 && configuration.grace == .milliseconds(500))
        #expect(configuration.timeframes.map(\.minutes) == [5, 15])
        #expect(configuration.journal.retentionDays == 7 && configuration.journal.retentionMegabytes == 0)
        #expect(configuration.store.retentionDays == 0)
        #expect(try Configuration(yaml: "# nothing\n", path: "c").instruments.count == 28)
    }

    @Test func `every key is read`() throws {
        let configuration = try Configuration(
            yaml: """
                instruments:
                  - EUR_USD
                  - pair: GBPUSD
                    epic: CS.D.GBPUSD.TODAY.IP
                    scale: 10000
                timeframes: [15, 1m, 1h]
                grace_milliseconds: 500
                late_reach_minutes: 60
                journal:
                  segment_records: 2048
                  sync_milliseconds: 10
                  retention_days: 30
                  retention_megabytes: 500
                store:
                  batch_rows: 5
                  batch_milliseconds: 200
                  retention_days: 400
                """, path: "c")
        #expect(configuration.instruments.map(\.epic) == ["CS.D.EURUSD.CFD.IP", "CS.D.GBPUSD.TODAY.IP"])
        #expect(configuration.instruments[1].pointShift == 4)
        #expect(configuration.timeframes.map(\.minutes) == [1, 15, 60])
        #expect(configuration.grace == .milliseconds(500) && configuration.lateReach == .seconds(3_600))
        #expect(configuration.journal.segmentRecords == 2_048 && configuration.journal.syncMilliseconds == 10)
        #expect(configuration.journal.retentionDays == 30 && configuration.journal.retentionMegabytes == 500)
        #expect(configuration.store.batchRows == 5 && configuration.store.batchMilliseconds == 200)
        #expect(configuration.store.retentionDays == 400)
    }

    @Test func `an instrument may have any name, and hours of its own`() throws {
        let yaml = """
            instruments:
              - EUR_USD
              - {pair: de40, epic: IX.D.DAX.IFMM.IP, hours: {zone: Europe/London, sessions: ["Mon-Fri 08:00-16:30"]}}
              - {pair: XAUUSD, epic: CS.D.CFDGOLD.CFDGC.IP, hours: cme}
              - {pair: BTC_USD, epic: CS.D.BITCOIN.CFD.IP, hours: crypto}

            """
        let configuration = try Configuration(yaml: yaml, path: "c")
        #expect(configuration.instruments.map { "\($0.pair)" } == ["EUR_USD", "DE40", "XAU_USD", "BTC_USD"])
        let index = try #require(Pair("DE40"))
        // Tuesday 2026-05-12, 06:59 and 07:00 UTC.
        #expect(!configuration.calendar[index].isOpen(at: 1_778_569_140))
        #expect(configuration.calendar[index].isOpen(at: 1_778_569_200))
        // What is shown is what can be read.
        let key = try #require(ConfigurationKey.all.first { $0.path == "instruments" })
        let shown = key.value(configuration)
        #expect(shown.contains("{pair: XAU_USD, epic: CS.D.CFDGOLD.CFDGC.IP, hours: cme}"), "\(shown)")
        let again = try Configuration(yaml: "instruments: \(shown)", path: "c")
        #expect(again.instruments == configuration.instruments, "\(shown)")
    }

    @Test(arguments: [
        ("timeframes: [5m]\ntimeframe: 5m", "c.yaml:2: unknown key 'timeframe'"),
        ("? |-\n  a\n  b\n: 1", "c.yaml:1: unknown key 'a b'"),
        ("timeframes: [5m,\n  7m]", "c.yaml:2: '7m' is not a timeframe"),
        ("\n\ngrace_milliseconds: soon", "c.yaml:3: expected a whole number, found 'soon'"),
        ("store:\n  batch_milliseconds: 201", "c.yaml:2: 201 is out of range: 1 to 200"),
        ("store:\n  retention_days: -1", "c.yaml:2: -1 is out of range: 0 to"),
        ("history:\n  repair_days: 361", "c.yaml:2: 361 is out of range: 1 to 360"),
        ("history:\n  repair_points: 0", "c.yaml:2: 0 is out of range: 1 to"),
        ("history:\n  repair_week_percent: 101", "c.yaml:2: 101 is out of range: 1 to 100"),
        ("late_reach_minutes: 1441\njournal:\n  retention_days: 1", "c.yaml: late_reach_minutes 1441 needs"),
        ("instruments:\n  - EUR_USD\n  - EURUSD", "c.yaml:3: EUR_USD is listed twice"),
        ("instruments:\n  - pair: EUR_USD\n    scale: 3", "c.yaml:3: scale '3' is not one of"),
        ("instruments:\n  - pair: EUR_USD\n    epic: A B", "c.yaml:3: 'A B' is not an epic"),
        ("instruments:\n  - epic: CS.D.X.CFD.IP", "c.yaml:2: an instrument needs its pair"),
        ("instruments:\n  - DE40", "c.yaml:2: DE40 is not a pair of two currencies, so it needs its epic"),
        ("instruments:\n  - pair: XAUUSD", "c.yaml:2: XAU_USD is not a pair of two currencies"),
        ("instruments:\n  - EUR-USD", "c.yaml:2: 'EUR-USD' is not a pair such as EUR_USD, or a name of 1 to 12"),
        (
            "instruments:\n  - pair: EUR_USD\n    hours: nyse",
            "c.yaml:3: hours 'nyse' is not one of fx, always, crypto, cme"
        ),
        ("instruments:\n  - pair: EUR_USD\n    hours: {zone: UTC}", "c.yaml:3: hours need zone and sessions"),
        (
            "instruments:\n  - pair: EUR_USD\n    hours:\n      zone: Mars\n      sessions: [Mon 08:00-09:00]",
            "c.yaml:4: zone 'Mars' is not one of"
        ),
        (
            "instruments:\n  - pair: EUR_USD\n    hours:\n      zone: UTC\n      sessions:\n        - Mon 8-9",
            "c.yaml:6: session 'Mon 8-9' is not like"
        ),
        (
            "instruments:\n  - pair: EUR_USD\n    hours: {zone: UTC, sessions: Mon 08:00-09:00}",
            "c.yaml:3: expected a list of sessions"
        ),
        ("instruments:\n  - pair: EUR_USD\n    hours: {open: now}", "c.yaml:3: unknown key 'open'"),
        ("instruments: []", "c.yaml:1: expected a list of instruments"),
        ("- 5", "c.yaml:1: expected 'key: value' lines"),
    ])
    func `a bad value is refused with the line and the reason`(yaml: String, message: String) {
        let failure = #expect(throws: Failure.self) { try Configuration(yaml: yaml, path: "c.yaml") }
        #expect(failure?.code == .configuration)
        #expect(failure?.description.hasPrefix(message) == true, "\(failure?.description ?? "")")
    }

    @Test(arguments: ["a: [1", "grace_milliseconds: 1\ngrace_milliseconds: 2", "\tx", "a: *b", "\u{0}"])
    func `text that is not YAML is refused in one line that names the file`(yaml: String) {
        let failure = #expect(throws: Failure.self) { try Configuration(yaml: yaml, path: "c.yaml") }
        #expect(failure?.description.hasPrefix("c.yaml") == true && failure?.description.contains("\n") == false)
    }

    @Test func `a file that is not there is refused by name`() {
        let failure = #expect(throws: Failure.self) {
            try Configuration.load(environment: Environment(["CANDLEWICK_CONFIG": "/nowhere/c.yaml"]))
        }
        #expect(failure?.description.contains("/nowhere/c.yaml") == true)
    }
}

@Suite struct CredentialsTests {
    private let full = ["IG_API_KEY": "k", "IG_USERNAME": "u", "IG_PASSWORD": "p"]

    @Test func `demo is the default`() throws {
        #expect(try Credentials(environment: Environment(full)).restURL == Credentials.demoURL)
        let live = try Credentials(environment: Environment(full.merging(["IG_DEMO": "false"]) { $1 }))
        #expect(live.restURL == Credentials.liveURL)
        let other = try Credentials(
            environment: Environment(full.merging(["IG_REST_URL": "http://127.0.0.1:9/x/"]) { $1 }))
        #expect(other.restURL == "http://127.0.0.1:9/x")
    }

    @Test(arguments: ["IG_API_KEY", "IG_USERNAME", "IG_PASSWORD"])
    func `what is missing is named`(name: String) {
        let failure = #expect(throws: Failure.self) {
            try Credentials(environment: Environment(full.filter { $0.key != name }))
        }
        #expect(failure?.code == .configuration && failure?.description.contains(name) == true)
    }

    @Test func `systemd credentials are read, without their last newline`() throws {
        let folder = TemporaryFolder()
        for (name, value) in full { folder.write("\(value)-file\n".utf8, to: name) }
        let credentials = try Credentials(environment: Environment(["CREDENTIALS_DIRECTORY": folder.path]))
        #expect(credentials.password.reveal() == "p-file")
    }

    @Test func `a variable is read without its last newline too`() throws {
        #expect(try Environment(["TOKEN": "a\nb\r\n\n"]).credential("TOKEN") == "a\nb")
    }

    @Test func `a secret never prints`() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\([secret])", dumped, "\(Optional(secret) as Any)"] {
            #expect(!text.contains("hunter2"))
        }
    }
}

@Suite struct PathsTests {
    @Test func `our own variables come first, then systemd's, then the desktop's`() throws {
        var variables = ["HOME": "/home/a", "XDG_RUNTIME_DIR": "/run/user/1"]
        var paths = try Paths(environment: Environment(variables))
        #expect(paths.runtime == "/run/user/1/candlewick" && paths.state == "/home/a/.local/state/candlewick")
        variables["RUNTIME_DIRECTORY"] = "/run/cw"
        variables["STATE_DIRECTORY"] = "/var/lib/cw"
        paths = try Paths(environment: Environment(variables))
        #expect(paths.runtime == "/run/cw" && paths.database == "/var/lib/cw/candlewick.db")
        variables["CANDLEWICK_RUNTIME_DIR"] = "/r"
        variables["CANDLEWICK_STATE_DIR"] = "/s"
        variables["CANDLEWICK_DATABASE"] = "/d.db"
        paths = try Paths(environment: Environment(variables))
        #expect(paths.runtime == "/r" && paths.journal(.ticks) == "/s/journal/ticks" && paths.database == "/d.db")
        #expect(try paths.endpoint(.ticks) == "ipc:///r/ticks.ipc")
    }

    @Test func `a database on a server has its lock in the state folder`() throws {
        func paths(_ database: String) throws -> Paths {
            try Paths(environment: Environment(["CANDLEWICK_STATE_DIR": "/s", "CANDLEWICK_DATABASE": database]))
        }
        for uri in [
            "postgresql:///c", "postgres://me@[::1]:5433/c?options=-cgeqo%3Doff",
            "postgresql://h/c?application_name=a:b@c",
        ] {
            let paths = try paths(uri)
            #expect(paths.isDatabaseServed && paths.database == uri && paths.databaseLock == "/s/store-writer.lock")
        }
        let file = try paths("/d.db")
        #expect(!file.isDatabaseServed && file.databaseLock == "/d.db.lock")
    }

    @Test(arguments: [
        "postgresql://me:hunter2@h/c", "postgres://me:@h/c", "postgresql://me@h/c?password=hunter2",
        "postgresql://?password=hunter2", "postgresql://h/c?a=b&sslpassword=hunter2",
        "postgresql://h/c?pass%77ord=hunter2",
    ])
    func `a database's URI with a password is refused without showing it`(uri: String) throws {
        let failure = #expect(throws: Failure.self) {
            try Paths(environment: Environment(["CANDLEWICK_STATE_DIR": "/s", "CANDLEWICK_DATABASE": uri]))
        }
        #expect(failure?.code == .configuration && failure?.description.contains("hunter2") == false)
    }

    @Test func `folders that every user can write into are refused`() throws {
        for open in ["run", "state"] {
            let folder = TemporaryFolder()
            let (runtime, state) = ("\(folder.path)/run", "\(folder.path)/state")
            let paths = try Paths(runtime: runtime, state: state)
            try paths.prepare()
            #expect(chmod("\(folder.path)/\(open)", 0o1777) == 0)
            let failure = #expect(throws: Failure.self) { try paths.prepare() }
            #expect(failure?.code == .configuration)
            #expect(failure?.description.contains("every user can write into \(folder.path)/\(open)") == true)
        }
    }

    @Test func `a socket path over 107 bytes is refused with a sentence`() throws {
        let long = "/" + String(repeating: "x", count: 96)
        let paths = try Paths(environment: Environment(["CANDLEWICK_RUNTIME_DIR": long, "HOME": "/h"]))
        #expect(try paths.endpoint(.ticks).utf8.count == 6 + 107)
        let failure = #expect(throws: Failure.self) { try paths.endpoint(.candles) }
        #expect(failure?.description.contains("the limit is 107") == true)
    }

    @Test func `folders are made for owner and group only`() throws {
        let folder = TemporaryFolder()
        try makeFolder("\(folder.path)/a/b/c")
        #expect(folderNames("\(folder.path)/a/b") == ["c"])
        folder.write([], to: "file")
        #expect(throws: Failure.self) { try makeFolder("\(folder.path)/file/x") }
    }

    @Test func `a lock is held by one, and passes its note on`() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/lock"
        do {
            let lock = try FileLock(path: path)
            try lock.write(note: "left a note")
            #expect(throws: Failure.self) { try FileLock(path: path) }
        }
        #expect(try FileLock(path: path).formerNote == "left a note")
    }
}

@Suite struct MonitoringTests {
    @Test func `a process counts its open files`() throws {
        let before = ProcessUsage()
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        let files = (0..<20).map { _ in dup(file) }
        defer { for file in files + [file] { close(file) } }
        // Other tests open and close files meanwhile.
        #expect(ProcessUsage().files > before.files)
    }

    @Test func `a mark has the time of its setting until it is removed`() throws {
        let folder = TemporaryFolder()
        let mark = TimeMark.lastBackup(stateFolder: folder.path)
        #expect(mark.time == nil)
        #expect(mark.set())
        let first = try #require(mark.time)
        #expect(abs((Clock.system.now() - first).nanoseconds) < 60 * UTCNanos.perSecond)
        #expect(mark.set() && mark.time.map { $0 >= first } == true)
        mark.remove()
        #expect(mark.time == nil)
        #expect(!TimeMark(path: "\(folder.path)/missing/mark").set())
    }
}
