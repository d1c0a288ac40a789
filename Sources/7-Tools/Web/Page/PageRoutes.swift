internal import HTTPService

/// The page for people: / and /assets.
package enum PageRoutes {
    package static let group = RouteGroup(prefix: "", routes: []) { error in
        HTTPResponse(error.status, contentType: "text/plain; charset=utf-8", text: "\(error.message)\n")
    }
}
