internal import Foundation
internal import Host

/// A PostgreSQL server for the tests of this process, on a Unix socket in a folder of its own. It ends when the process
/// does, however that ends: it waits for the end of its standard input.
public final class PostgresServer: Sendable {
    /// The programs of the newest version that Debian's packages installed; `nil` if there is none.
    private static let programs: String? = {
        let folder = "/usr/lib/postgresql"
        let versions = folderNames(folder).filter { access("\(folder)/\($0)/bin/initdb", X_OK) == 0 }
        return versions.max { (Int($0) ?? 0) < (Int($1) ?? 0) }.map { "\(folder)/\($0)/bin" }
    }()

    public static let isInstalled = programs != nil

    /// Started at the first use.
    public static let shared = Result { try PostgresServer() }

    private let folder: String
    private let process: Process
    private let input = Pipe()

    /// `initdb` and `postgres` refuse root.
    private static let script = """
        set -e
        programs=$1 folder=$2 user=()
        if [ "$(id -u)" -eq 0 ]; then
            name=nobody
            ! id -u postgres >/dev/null 2>&1 || name=postgres
            chown "$name" "$folder"
            user=(setpriv --reuid "$name" --regid "$(id -g "$name")" --clear-groups)
        fi
        cd "$folder"
        "${user[@]}" "$programs/initdb" -D "$folder/data" -U candlewick -A trust -E UTF8 --locale=C \\
            --no-sync --no-instructions >"$folder/log" 2>&1
        "${user[@]}" "$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off \\
            -c max_connections=200 -c shared_buffers=32MB </dev/null >>"$folder/log" 2>&1 &
        server=$!
        trap 'kill -QUIT $server 2>/dev/null; wait $server; rm -rf "$folder"' EXIT
        until "$programs/pg_isready" -q -h "$folder"; do kill -0 $server; sleep 0.05; done
        echo ready
        read -r _
        """

    private init() throws {
        var template = Array("/tmp/cw-postgres-XXXXXX".utf8CString)
        guard let programs = Self.programs, mkdtemp(&template) != nil else {
            throw Failure(.unavailable, "no PostgreSQL server can be started here")
        }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", Self.script, "postgres", programs, folder]
        process.standardInput = input
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        // Ready, or the end of what did not start.
        let answer = output.fileHandleForReading.availableData
        guard !answer.isEmpty else {
            let log = String(decoding: fileBytes("\(folder)/log"), as: UTF8.self)
            throw Failure(.unavailable, "PostgreSQL did not start: \(log.suffix(2_000))")
        }
    }

    /// The URI of a schema.
    public func uri(schema: String) -> String {
        "postgresql://candlewick@/postgres?host=\(folder)&options=-csearch_path%3D%22\(schema)%22"
    }

    /// Makes a schema, if it is missing.
    public func makeSchema(_ name: String) throws { _ = try lines("CREATE SCHEMA IF NOT EXISTS \"\(name)\"") }

    /// What psql prints of a query: a line for each row.
    /// - Parameter schema: where it looks for tables.
    public func lines(_ sql: String, schema: String = "public") throws -> [String] {
        let psql = Process()
        psql.executableURL = URL(fileURLWithPath: "\(Self.programs ?? "")/psql")
        psql.arguments = [
            "-h", folder, "-U", "candlewick", "-d", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", sql,
        ]
        psql.environment = ["PGOPTIONS": "-csearch_path=\"\(schema)\" -cclient_min_messages=warning"]
        psql.standardInput = FileHandle.nullDevice
        let output = Pipe()
        psql.standardOutput = output
        try psql.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        psql.waitUntilExit()
        guard psql.terminationStatus == 0 else { throw Failure(.unavailable, "psql cannot do this: \(sql)") }
        return text.split(separator: "\n").map(String.init)
    }
}
