internal import ArgumentParser
struct ChartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "chart"); func run() {}
}
struct CoverageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "coverage"); func run() {}
}
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "doctor"); func run() {}
}
