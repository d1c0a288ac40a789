internal import SQLiteStore
public import Store

/// The engine that keeps the candles. Another one is a module with a `StoreEngine`, and this line.
public let storeEngine: any StoreEngine = SQLiteEngine()
