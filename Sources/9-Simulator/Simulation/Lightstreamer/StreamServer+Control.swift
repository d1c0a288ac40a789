internal import NIOCore

/// Control requests. Source: TLCP §§ control, Codes (REQERR).
extension StreamServer {
    func control(_ parameters: RequestParameters, from peer: any StreamPeer) {
        guard let request = parameters["LS_reqId"], !request.isEmpty else {
            peer.reply("ERROR,65,Missing LS_reqId")
            return
        }
        do throws(Refusal) {
            guard let id = parameters["LS_session"] ?? peer.lastSession, let session = sessions[id] else {
                throw .sessionNotFound
            }
            let quiet = parameters["LS_ack"] == "false" && !peer.isHTTP
            let accept = { if !quiet { peer.reply("REQOK,\(request)") } }
            switch parameters["LS_op"] {
            case "add": try add(parameters, to: session, accept: accept)
            case "delete": try delete(parameters, from: session, accept: accept)
            case "reconf":
                guard let subscription = parameters.count("LS_subId").flatMap({ session.subscriptions[$0] }) else {
                    throw Refusal(code: 19, text: "Specified subscription not found")
                }
                guard subscription.dispatching == .filtered else {
                    throw Refusal(code: 13, text: "Reconfiguration of an unfiltered subscription")
                }
                accept()
                session.confirm(subscription)
            case "constrain":
                accept()
                session.sendLine("CONS,unlimited")
            case "force_rebind":
                accept()
                session.loop(closingSocket: parameters.isTrue("LS_close_socket"))
            case "destroy":
                accept()
                destroy(session, parameters)
            default: throw Refusal(code: 65, text: "Invalid or missing LS_op")
            }
            session.flush()
        } catch {
            peer.reply("REQERR,\(percentEncoded(request)),\(error.code),\(percentEncoded(error.text))")
        }
    }

    /// Messages are not used at IG: refused as an adapter does that takes none.
    func message(_ parameters: RequestParameters, from peer: any StreamPeer) {
        guard let request = parameters["LS_reqId"], !request.isEmpty else {
            peer.reply("ERROR,65,Missing LS_reqId")
            return
        }
        peer.reply("REQERR,\(percentEncoded(request)),-1,Messages are not supported")
    }

    private func destroy(_ session: StreamSession, _ parameters: RequestParameters) {
        let isCustom = parameters["LS_cause_code"] != nil
        let given = parameters["LS_cause_code"].flatMap { Int($0) } ?? 31
        let code = isCustom ? min(0, given) : 31
        let text = isCustom ? parameters["LS_cause_message"] ?? "null" : "Destroy invoked by client"
        end(session, code: code, text: text, closingSocket: parameters.isTrue("LS_close_socket"))
    }

    private func delete(_ parameters: RequestParameters, from session: StreamSession, accept: () -> Void)
        throws(Refusal)
    {
        guard let id = parameters.count("LS_subId") else { throw Refusal(code: 65, text: "Invalid LS_subId") }
        guard session.subscriptions[id] != nil else {
            throw Refusal(code: 19, text: "Specified subscription not found")
        }
        accept()
        _ = session.remove(subscription: id)
    }

    private func add(_ parameters: RequestParameters, to session: StreamSession, accept: () -> Void)
        throws(Refusal)
    {
        guard let id = parameters.count("LS_subId"), id > 0 else { throw Refusal(code: 65, text: "Invalid LS_subId") }
        guard session.subscriptions[id] == nil else { throw Refusal(code: 65, text: "LS_subId is in use") }
        let fields = parameters.words("LS_schema")
        let names = parameters.words("LS_group")
        guard !names.isEmpty else { throw .invalidGroup }
        guard !fields.isEmpty else { throw Refusal(code: 23, text: "Invalid schema") }
        try check(mode: parameters["LS_mode"], fields: fields)
        let adapter = parameters["LS_data_adapter"] ?? "DEFAULT"
        guard ["DEFAULT", "QUOTE_ADAPTER", "Pricing"].contains(adapter) else {
            throw Refusal(code: 17, text: "Data Adapter not found")
        }
        // One bad item refuses all of them. Source: ig-api § 9.8.
        var items: [MarketItem] = []
        for name in names { items.append(try catalogue.item(name, adapter: adapter, account: session.user)) }
        guard items.allSatisfy({ $0.mode.rawValue == parameters["LS_mode"] }) else {
            throw Refusal(code: 24, text: "Mode not allowed for an item")
        }
        try checkLimit(session, adding: items.count)
        let subscription = Subscription(
            id: id, dispatching: try dispatching(parameters, of: items), fieldCount: fields.count)
        for (index, item) in items.enumerated() {
            subscription.add(
                try subscribed(item, number: index + 1, fields: fields, subscription, session, parameters))
        }
        setGates(of: subscription)
        accept()
        session.add(subscription, wantsSnapshot: parameters["LS_snapshot"].map { $0 != "false" && $0 != "0" } ?? false)
        market.start(subscribed: subscribedPairs)
    }

    private func subscribed(
        _ item: MarketItem, number: Int, fields: [String], _ subscription: Subscription, _ session: StreamSession,
        _ parameters: RequestParameters
    ) throws(Refusal) -> SubscribedItem {
        var schema: [Int] = []
        for field in fields {
            guard let index = item.fields.firstIndex(of: field) else {
                throw Refusal(code: 23, text: "Invalid schema")
            }
            schema.append(index)
        }
        let standard = item.mode == .merge ? 1 : limits.heldUpdatesMax
        let wanted = parameters["LS_requested_buffer_size"]
        let size = wanted == "unlimited" ? limits.heldUpdatesMax : wanted.flatMap { Int($0) } ?? standard
        return SubscribedItem(
            item: item, in: subscription, number: number, schema: schema,
            heldMax: max(1, min(limits.heldUpdatesMax, size)), session: session,
            market: market)
    }

    private func dispatching(
        _ parameters: RequestParameters, of items: [MarketItem]
    ) throws(Refusal) -> Subscription.Dispatching {
        guard parameters["LS_requested_max_frequency"] == "unfiltered" else { return .filtered }
        guard !items.contains(where: { $0.epic.flatMap { faults.filters[$0] } != nil }) else {
            throw Refusal(code: 26, text: "Unfiltered dispatching not allowed")
        }
        return .unfiltered
    }

    private func check(mode: String?, fields: [String]) throws(Refusal) {
        switch mode {
        case "MERGE", "DISTINCT": break
        case "COMMAND":
            guard fields.contains("key") else { throw Refusal(code: 15, text: "No key field") }
            guard fields.contains("command") else { throw Refusal(code: 16, text: "No command field") }
            throw Refusal(code: 24, text: "Mode not allowed for an item")
        case "RAW": throw Refusal(code: 24, text: "Mode not allowed for an item")
        default: throw Refusal(code: 65, text: "Invalid or missing LS_mode")
        }
    }

    private func checkLimit(_ session: StreamSession, adding count: Int) throws(Refusal) {
        let present = limits.limitCountsItems ? session.itemCount : session.subscriptions.count
        let most = itemsMax(session.user) ?? limits.subscriptionsMax
        guard present + (limits.limitCountsItems ? count : 1) <= most else {
            throw Refusal(code: -1, text: "Subscription limit exceeded")
        }
    }
}
