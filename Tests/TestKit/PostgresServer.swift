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

    /// Another one, on a port of 127.0.0.1 as on another machine: with TLS and the password `hunter2`. Its certificate is
    /// that of `db.example`.
    public static let secured = Result { try PostgresServer(isSecured: true) }

    private let folder: String
    /// 5432 if it has a Unix socket only.
    public let port: String
    private let process: Process
    private let input = Pipe()

    /// `initdb` and `postgres` refuse root.
    private static let script = """
        set -e
        programs=$1 folder=$2 security=$3 user=() network=(-c listen_addresses=)
        if [ "$(id -u)" -eq 0 ]; then
            name=nobody
            ! id -u postgres >/dev/null 2>&1 || name=postgres
            chown "$name" "$folder"
            user=(setpriv --reuid "$name" --regid "$(id -g "$name")" --clear-groups)
        fi
        cd "$folder"
        "${user[@]}" "$programs/initdb" -D "$folder/data" -U candlewick -A trust -E UTF8 --locale=C \\
            --no-sync --no-instructions >"$folder/log" 2>&1
        if [ "$security" = secured ]; then
            new=("${user[@]}" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1)
            for name in authority stranger; do
                "${new[@]}" -subj "/CN=$name" -keyout $name.key -out $name.pem 2>>"$folder/log"
            done
            "${new[@]}" -CA authority.pem -CAkey authority.key -subj /CN=db.example \\
                -addext subjectAltName=DNS:db.example -addext basicConstraints=CA:FALSE \\
                -keyout server.key -out server.pem 2>>"$folder/log"
            printf '%s\\n' 'local all all trust' 'hostssl all all 127.0.0.1/32 scram-sha-256' >data/pg_hba.conf
            network=(-c listen_addresses=127.0.0.1 -c ssl=on -c "ssl_cert_file=$folder/server.pem"
                -c "ssl_key_file=$folder/server.key")
        fi
        trap 'kill -QUIT $server 2>/dev/null; wait $server; rm -rf "$folder"' EXIT
        port=5432 tries=0
        while true; do
            # Another program may have the port: below those that the system gives away.
            [ "$security" = plain ] || port=$((20000 + RANDOM % 12000))
            "${user[@]}" "$programs/postgres" -D "$folder/data" -k "$folder" -p $port "${network[@]}" -c fsync=off \\
                -c max_connections=200 -c shared_buffers=32MB </dev/null >>"$folder/log" 2>&1 &
            server=$!
            until "$programs/pg_isready" -q -h "$folder" -p $port; do
                kill -0 $server 2>/dev/null || { tries=$((tries + 1)) && [ $tries -lt 20 ] && continue 2; }
                sleep 0.05
            done
            break
        done
        [ "$security" = plain ] || "$programs/psql" -h "$folder" -p $port -U candlewick -d postgres -q \\
            -c "ALTER ROLE candlewick PASSWORD 'hunter2'" >>"$folder/log" 2>&1
        echo $port
        read -r _
        """

    private init(isSecured: Bool = false) throws {
        var template = Array("/tmp/cw-postgres-XXXXXX".utf8CString)
        guard let programs = Self.programs, mkdtemp(&template) != nil else {
            throw Failure(.unavailable, "no PostgreSQL server can be started here")
        }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", Self.script, "postgres", programs, folder, isSecured ? "secured" : "plain"]
        process.standardInput = input
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        // The port, or the end of what did not start.
        port = String(decoding: output.fileHandleForReading.availableData.dropLast(), as: UTF8.self)
        guard !port.isEmpty else {
            let log = String(decoding: fileBytes("\(folder)/log"), as: UTF8.self)
            throw Failure(.unavailable, "PostgreSQL did not start: \(log.suffix(2_000))")
        }
    }

    /// The URI of a schema.
    public func uri(schema: String) -> String {
        "postgresql://candlewick@/postgres?host=\(folder)&options=-csearch_path%3D%22\(schema)%22"
    }

    /// The URI over the network, as from another machine.
    /// - Parameters:
    ///   - host: a name; no resolver is asked.
    ///   - authority: whose certificates are trusted: `authority`, which signed the server's, or `stranger`.
    public func uri(host: String, authority: String) -> String {
        "postgresql://candlewick@\(host):\(port)/postgres?hostaddr=127.0.0.1&sslrootcert=\(folder)/\(authority).pem"
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
