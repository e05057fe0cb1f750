using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Microsoft.ML.Infomorphic.Benchmarks;

/// <summary>The kernels one by one, on one thread.</summary>
internal static class KernelsCommand
{
    public static int Run(string[] arguments)
    {
        // In this process: a process of its own for each benchmark would build a project, and a copy of libtorch, each.
        IConfig config = ManualConfig
            .CreateEmpty()
            .AddJob(
                Job.Default.WithToolchain(InProcessEmitToolchain.Instance)
                    .WithIterationTime(TimeInterval.FromMilliseconds(100))
                    .WithWarmupCount(5)
                    .WithIterationCount(15)
            )
            .AddLogger(ConsoleLogger.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddExporter(MarkdownExporter.GitHub)
            .AddDiagnoser(MemoryDiagnoser.Default);
        if (arguments.Length == 0)
            arguments = ["--filter", "*"];
        int reports = BenchmarkSwitcher
            .FromAssembly(typeof(KernelsCommand).Assembly)
            .Run(arguments, config)
            .Sum(summary => summary.Reports.Length);
        return reports > 0 ? 0 : 1;
    }
}
