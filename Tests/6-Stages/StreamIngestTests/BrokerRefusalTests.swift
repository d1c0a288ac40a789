import Foundation
import IG
import Testing

@Suite struct BrokerRefusalTests {
    @Test func `each of the broker's codes has its disposition, whatever the status`() {
        let table: [(RESTDisposition, [String])] = [
            (
                .final,
                [
                    "error.security.invalid-details", "error.security.api-key-missing",
                    "error.security.api-key-invalid",
                    "error.security.api-key-disabled", "error.security.api-key-revoked",
                    "error.security.api-key-restricted",
                    "error.security.too-many-failed-attempts", "error.security.client-suspended",
                    "error.security.account-suspended", "error.security.all-accounts-suspended",
                    "error.security.all-accounts-pending", "error.security.account-not-yet-activated",
                    "error.security.account-migrated", "error.security.account-access-denied",
                    "error.security.invalid-application", "error.security.invalid-website",
                    "error.public-api.failure.kyc.required", "error.public-api.failure.missing.credentials",
                    "error.public-api.failure.pending.agreements.required",
                    "error.public-api.failure.preferred.account.disabled",
                    "error.public-api.failure.preferred.account.not.set",
                    "error.public-api.failure.encryption.required",
                    "error.public-api.failure.stockbroking-not-supported",
                    "authentication.failure.not-a-client-account", "endpoint.unavailable.for.api-key",
                    "error.switch.invalid-accountId",
                ]
            ),
            (
                .logIn,
                [
                    "error.security.client-token-missing", "error.security.client-token-invalid",
                    "error.security.account-token-missing", "error.security.account-token-invalid",
                    "error.security.oauth-token-invalid",
                ]
            ),
            (
                .slowDown,
                [
                    "error.public-api.exceeded-account-allowance", "error.public-api.exceeded-api-key-allowance",
                    "error.public-api.exceeded-account-trading-allowance",
                ]
            ),
            (.allowanceSpent, ["error.public-api.exceeded-account-historical-data-allowance"]),
            (
                .retry,
                [
                    "system.error", "error.security.get.session.timeout", "error.security.authentication.timeout",
                    "error.security.generic", "error.switch.cannot-set-default-account",
                ]
            ),
            (
                .wrongRequest,
                [
                    "validation.pattern.invalid.authenticationRequest.identifier", "invalid.input",
                    "invalid.request.epic", "invalid.url", "error.malformed.date", "error.request.invalid.page-size",
                    "error.invalid.daterange", "error.unsupported.epic", "error.public-api.too-many-epics",
                    "error.public-api.epic-not-found", "error.error.price-history.io-error",
                    "unauthorised.access.to.equity.exception",
                ]
            ),
        ]
        for (expected, codes) in table {
            for code in codes {
                for status in [400, 401, 403, 404, 500] {
                    #expect(RESTDisposition(status: status, errorCode: code) == expected, "\(status) \(code)")
                }
            }
        }
    }

    @Test(arguments: [
        (401, RESTDisposition.final), (403, .final), (400, .wrongRequest), (404, .wrongRequest), (429, .slowDown),
        (500, .retry), (503, .retry), (302, .retry),
    ])
    func `an unknown code is judged by the status`(status: Int, expected: RESTDisposition) {
        #expect(RESTDisposition(status: status, errorCode: "something.new") == expected)
    }

    @Test func `a login stops at a wrong request and waits out dead tokens`() {
        #expect(RESTDisposition.wrongRequest.forLogin == .final)
        #expect(RESTDisposition.logIn.forLogin == .retry)
        #expect(RESTDisposition.slowDown.forLogin == .slowDown)
    }

    @Test func `the code is read from the body, and made fit for a log`() {
        #expect(ErrorReply.code(body: Array(#"{"errorCode":"system.error"}"#.utf8), status: 500) == "system.error")
        #expect(ErrorReply.code(body: Array("<html>".utf8), status: 503) == "http-503")
        #expect(ErrorReply.code(body: Array("{}".utf8), status: 404) == "http-404")
        #expect(ErrorReply.code(body: Array(#"{"errorCode":"a\nb\u001b[31m"}"#.utf8), status: 400) == "ab[31m")
        #expect(
            ErrorReply.code(body: Array(#"{"errorCode":"\#(String(repeating: "x", count: 999))"}"#.utf8), status: 400)
                .count == 120)
    }

    @Test func `a real login answer is read, also after a byte-order mark`() throws {
        let body =
            #"{"accountType":"CFD","accountInfo":{"balance":21065.86},"currentAccountId":"ZZZZZ","lightstreamerEndpoint":"https://demo-apd.marketdatasystems.com","accounts":[{"accountId":"XXXXXX","preferred":false}],"clientId":"100000000","timezoneOffset":1,"reroutingEnvironment":null,"dealingEnabled":true}"#
        for mark in [[], [0xEF, 0xBB, 0xBF]] as [[UInt8]] {
            let reply = try #require(LoginReply(body: mark + Array(body.utf8)))
            #expect(reply.currentAccountId == "ZZZZZ")
            #expect(reply.lightstreamerEndpoint == "https://demo-apd.marketdatasystems.com")
            #expect(reply.timezoneOffset == 1)
        }
        #expect(LoginReply(body: Array(body.utf8.dropLast())) == nil)
        #expect(LoginReply(body: []) == nil)
    }
}
