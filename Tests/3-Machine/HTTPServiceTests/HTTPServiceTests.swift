import Testing

@testable import HTTPService

@Suite struct HTTPServiceTests {}
