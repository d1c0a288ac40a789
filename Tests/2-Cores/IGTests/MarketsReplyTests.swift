import IG
import Testing

@Suite struct MarketsReplyTests {
    @Test func `epic, status and price are read, and a shut market may have no price`() throws {
        let body = """
            {"marketDetails":[
            {"instrument":{"epic":"CS.D.EURUSD.CFD.IP","expiry":"-","type":"CURRENCIES"},"dealingRules":null,
            "snapshot":{"marketStatus":"TRADEABLE","bid":1.15424,"offer":1.15433,"scalingFactor":10000}},
            {"instrument":{"epic":"CS.D.USDJPY.CFD.IP"},"snapshot":{"marketStatus":"EDITS_ONLY","bid":null}}]}
            """
        let reply = try #require(MarketsReply(body: Array(body.utf8)))
        #expect(reply.markets.map(\.epic) == ["CS.D.EURUSD.CFD.IP", "CS.D.USDJPY.CFD.IP"])
        #expect(reply.markets.map(\.status) == ["TRADEABLE", "EDITS_ONLY"])
        #expect(reply.markets.map(\.bid) == [1.15424, nil])
        #expect(MarketsReply(body: Array(body.utf8.dropLast())) == nil)
        #expect(MarketsReply(body: []) == nil)
    }

    @Test func `all epics go into one path`() {
        #expect(MarketsReply.path(epics: ["A.B", "C.D"]) == "/markets?epics=A.B,C.D")
    }
}
