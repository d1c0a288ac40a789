internal import FoundationEssentials
internal import GRDB
internal import Host
public import Store

/// The database as a file.
extension SQLiteReader {
    /// What SQLite's check of the whole file finds; empty where it is sound. May run beside the writer.
    public func integrityFindings() throws -> [String] {
        let findings = try read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
        return findings == ["ok"] ? [] : findings
    }

    /// `vacuum` gives the free part back.
    public func size() throws -> DatabaseSize {
        try read { db in
            func value(_ name: String) throws -> Int64 { try Int64.fetchOne(db, sql: "PRAGMA \(name)") ?? 0 }
            let page = try value("page_size")
            return DatabaseSize(
                total: try value("page_count") * page, free: try value("freelist_count") * page,
                onDisk: ["", "-wal", "-shm"].reduce(0) { $0 + DiskUsage.size(ofFile: path + $1) })
        }
    }

    /// Copies the database as it is at one moment, beside the writer, into one file of its own that appears when it is
    /// whole.
    /// - Throws: `Failure` (64) where the file is there already, (74); `StoreError`.
    public func backUp(to path: String) throws {
        guard !FileManager.default.fileExists(atPath: path) else {
            throw Failure(.usage, "\(path) exists: name another file")
        }
        let draft = "\(path).part"
        try? FileManager.default.removeItem(atPath: draft)  // Of a backup that was ended; mostly not there.
        do {
            let copy = try DatabaseQueue(path: draft)
            try database.backup(to: copy)
            // One file, that can be read where nothing may be written.
            try copy.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
            try copy.close()
        } catch let error as DatabaseError {
            try? FileManager.default.removeItem(atPath: draft)  // Half of a backup is useless.
            throw StoreError("backup", draft, error)
        }
        do {
            try FileManager.default.moveItem(atPath: draft, toPath: path)
        } catch {
            throw Failure(.io, "\(path) cannot be made: \(error)")
        }
    }
}
