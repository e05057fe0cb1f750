using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Tests.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>
/// Fits one model after another and prints, for each, the bytes of memory that the process then has to itself. A process
/// of its own, in which no other test allocates: see <see cref="MemoryTests"/>.
/// </summary>
internal static class RepeatedTraining
{
    public const string Argument = "--fits";

    // A fit holds some 3 MB of matrices: five of neurons × rows, and the rows of a batch.
    private const int HiddenNeurons = 150;
    private const int BatchSize = 512;

    public static int Run(int fits)
    {
        var context = new MLContext(1);
        IDataView data = Samples.View(context, Samples.Rows(700));
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfHiddenNeurons = HiddenNeurons;
        options.NumberOfEpochs = 1;
        options.BatchSize = BatchSize;
        for (int fit = 0; fit < fits; fit++)
        {
            // Dense and sparse lateral connections in turn.
            options.MaximumLateralConnections = fit % 2 == 0 ? 10 : HiddenNeurons;
            _ = context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            Console.WriteLine(PrivateBytes().ToString(CultureInfo.InvariantCulture));
        }

        return 0;
    }

    // On Linux, memory that is in use and no file's; .NET's own number would count what is merely reserved.
    private static long PrivateBytes()
    {
        const string Anonymous = "RssAnon:";
        if (OperatingSystem.IsLinux())
            foreach (string line in File.ReadLines("/proc/self/status"))
                if (line.StartsWith(Anonymous, StringComparison.Ordinal))
                    return 1024
                        * long.Parse(
                            line.AsSpan(Anonymous.Length, line.Length - Anonymous.Length - "kB".Length).Trim(),
                            CultureInfo.InvariantCulture
                        );
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.PrivateMemorySize64;
    }
}
