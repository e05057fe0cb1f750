using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Infomorphic.Benchmarks.Contenders;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Spectre.Console;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>A training step against a step of backprop and against its matrix products alone, in turns.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var shared = new MeasurementOptions();
        Option<int[]> hidden = MeasurementOptions.WholeNumbers(
            "--hidden",
            "Numbers of hidden neurons.",
            100,
            500,
            2000
        );
        Option<int> batch = MeasurementOptions.WholeNumber("--batch", "Rows in a batch.", 1024, minimum: 2);
        Option<int> training = MeasurementOptions.WholeNumber(
            "--training",
            "Steps to train before measuring, so that as many cells are occupied as in a training.",
            200
        );
        var command = new Command(
            "compare",
            "Measures a training step, a step of backprop with the same connectivity, and the matrix products alone, in turns."
        )
        {
            hidden,
            batch,
            training,
        };
        shared.AddTo(command);
        command.SetAction(parsed =>
            Run(
                shared.Begin(parsed),
                parsed.GetRequiredValue(hidden),
                parsed.GetValue(batch),
                parsed.GetValue(training)
            )
        );
        return command;
    }

    private static int Run(Measurement measurement, int[] hidden, int batch, int training)
    {
        Machine machine = measurement.Machine;
        ConsoleTable.WriteMachine(machine);
        var others = new OtherProcesses();
        var cases = new List<Case>();
        using (Tensor rows = measurement.Data.StandardizedFeatures(measurement.Data.Train, measurement.TorchDevice))
            foreach (int neurons in hidden)
            {
                Case measured = Measure(measurement, rows, neurons, batch, training);
                Print(measured);
                cases.Add(measured);
            }

        PrintSummary(cases);
        double busy = others.Cores();
        ConsoleTable.WriteOtherProcesses(busy);
        if (measurement.ReportPath is string path)
            ReportFile.Write(
                path,
                new Report(
                    "compare",
                    Measurement.Now,
                    machine,
                    busy,
                    measurement.Data.Name,
                    BenchmarkData.Features,
                    BenchmarkData.Classes,
                    batch,
                    training,
                    "milliseconds of a step",
                    cases
                )
            );
        return 0;
    }

    private static Case Measure(Measurement measurement, Tensor rows, int neurons, int batch, int training)
    {
        using var ours = new InfomorphicStep(
            measurement.Data,
            neurons,
            Setup.LateralConnections(neurons),
            batch,
            measurement.Threads,
            measurement.Device
        );
        ours.Train(training);
        int[]? connections = Setup.Connections(ours.State);
        using var kernel = new KernelStep(measurement.Data, ours, batch, measurement.Threads);
        using Tensor features = rows.narrow(0, 0, batch);
        using var products = new MatrixProducts(features, neurons, lateral: connections is null);
        using var productsWithLateral = new MatrixProducts(features, neurons, lateral: true);
        LateralKind[] kinds = connections is null ? [LateralKind.Dense] : Enum.GetValues<LateralKind>();
        BackpropStep[] backprop =
        [
            .. kinds.Select(kind => new BackpropStep(
                new BackpropVariant(kind),
                rows,
                measurement.Data.Train.Labels,
                neurons,
                connections,
                batch
            )),
        ];

        StepPart[] parts = Enum.GetValues<StepPart>();
        var oursContender = new Contender("infomorphic step", ours.Step, ours.Prepare)
        {
            Parts =
            [
                .. parts.Select(part =>
                    (new Series($"· its {Describe(part)}"), (Func<double>)(() => ours.Milliseconds(part)))
                ),
            ],
        };
        Contender[] backpropContenders =
        [
            .. backprop.Select(
                (step, i) => new Contender($"backprop step, {Describe(kinds[i], connections)}", step.Step)
            ),
        ];
        var productsContender = new Contender(
            connections is null ? "matrix products" : "matrix products, lateral ones left out",
            products.Step
        );
        var productsWithLateralContender = new Contender(
            "matrix products, lateral ones dense",
            productsWithLateral.Step
        );
        var kernelContender = new Contender("kernel of hidden neurons, alone", kernel.Step);
        List<Contender> all = [oursContender, .. backpropContenders, productsContender, kernelContender];
        if (connections is not null)
            all.Add(productsWithLateralContender);
        Interleaving.Measure(all, measurement.Rounds, measurement.Seconds);

        Contender fastestContender = backpropContenders.MinBy(contender => contender.Total.Milliseconds.Median)!;
        LateralKind fastestKind = kinds[Array.IndexOf(backpropContenders, fastestContender)];
        Series fastest = fastestContender.Total;
        Series total = oursContender.Total;
        Series kernelPart = oursContender.Parts[Array.IndexOf(parts, StepPart.Kernel)].Series;

        // The fastest baseline against the products that it has itself.
        bool lateralIsDense = fastestKind is LateralKind.Dense or LateralKind.DenseMasked;
        Series allProducts = connections is null ? productsContender.Total : productsWithLateralContender.Total;
        Series itsProducts = lateralIsDense ? allProducts : productsContender.Total;
        var result = new Case(
            neurons,
            connections is null ? neurons - 1 : connections.Length / neurons,
            measurement.Device.ToString(),
            total.Milliseconds,
            fastest.Milliseconds,
            fastestKind,
            productsContender.Total.Milliseconds,
            allProducts.Milliseconds,
            kernelPart.Milliseconds,
            total.RatioTo(fastest),
            kernelPart.RatioTo(fastest),
            fastest.RatioTo(itsProducts),
            kinds.Zip(backpropContenders).ToDictionary(pair => pair.First, pair => pair.Second.Total.Milliseconds),
            kinds.Zip(backpropContenders).ToDictionary(pair => pair.First, pair => total.RatioTo(pair.Second.Total)),
            parts.Zip(oursContender.Parts).ToDictionary(pair => pair.First, pair => pair.Second.Series.Milliseconds),
            kernelContender.Total.Milliseconds,
            kernel.Split(),
            kernel.OccupiedCells,
            oursContender.AllocatedBytes(10),
            total.RoundCount,
            oursContender.Collections
        );
        foreach (BackpropStep step in backprop)
            step.Dispose();
        AnsiConsole.WriteLine();
        ConsoleTable.Write(
            string.Create(
                CultureInfo.InvariantCulture,
                $"N = {neurons:N0}, {result.LateralConnections:N0} lateral connections, batch {batch:N0}: ms a step, median (p10–p90) of {result.Rounds} rounds"
            ),
            ["", "ms", "to the fastest backprop"],
            all.SelectMany(contender => contender.Parts.Select(part => part.Series).Prepend(contender.Total))
                .Select(series =>
                    (string[])
                        [
                            series.Name,
                            ConsoleTable.Format(series.Milliseconds),
                            ConsoleTable.Format(series.RatioTo(fastest)),
                        ]
                )
        );
        return result;
    }

    private static string Describe(StepPart part) =>
        part switch
        {
            StepPart.Gathering => "gathering of the batch",
            StepPart.Products => "products, sparse ones too",
            StepPart.Kernel => "kernel, output layer included",
            StepPart.Optimizer => "optimiser",
            _ => part.ToString(),
        };

    private static string Describe(LateralKind kind, int[]? connections) =>
        kind switch
        {
            _ when connections is null => "lateral dense",
            LateralKind.Dense => "lateral dense, gradient masked",
            LateralKind.DenseMasked => "lateral dense, weights masked",
            LateralKind.Gathered => "lateral gathered (index_select, bmm)",
            _ => "lateral sparse",
        };

    private static void Print(Case measured)
    {
        KernelSplit split = measured.KernelSplit;
        AnsiConsole.MarkupLineInterpolated(
            CultureInfo.InvariantCulture,
            $"kernel alone, ms: activation {split.Activation:F2}, sampling {split.Sampling:F2}, binning {split.Binning:F2}, histogram {split.Histogram:F2}, goal's gradient {split.GoalGradient:F2}, activation's gradient {split.ActivationGradient:F2}; {measured.OccupiedCells:F0} occupied cells a neuron"
        );
        AnsiConsole.MarkupLineInterpolated(
            CultureInfo.InvariantCulture,
            $"infomorphic step: {measured.AllocatedBytesPerStep:N0} bytes allocated a step, {measured.GarbageCollections} garbage collections while measuring"
        );
    }

    private static void PrintSummary(List<Case> cases)
    {
        AnsiConsole.WriteLine();
        ConsoleTable.Write(
            "Ratios, median (p10–p90) over rounds",
            ["N", "infomorphic / backprop", "kernel / backprop", "backprop / its matrix products", "fastest backprop"],
            cases.Select(measured =>
                (string[])
                    [
                        measured.Hidden.ToString("N0", CultureInfo.InvariantCulture),
                        ConsoleTable.Format(measured.RatioToBackprop),
                        ConsoleTable.Format(measured.KernelToBackprop),
                        ConsoleTable.Format(measured.BackpropToMatmul),
                        measured.BackpropLateral.ToString(),
                    ]
            )
        );
    }

    /// <summary>The report of <c>compare</c>.</summary>
    private sealed record Report(
        string Command,
        string MeasuredAt,
        Machine Machine,
        double CoresKeptBusyByOthers,
        string Data,
        int Features,
        int Classes,
        int Batch,
        int TrainingStepsBefore,
        string Unit,
        IReadOnlyList<Case> Cases
    );

    /// <summary>One size of network.</summary>
    /// <param name="Hidden">Number of hidden neurons.</param>
    /// <param name="LateralConnections">Lateral connections of a neuron.</param>
    /// <param name="Device">The device.</param>
    /// <param name="Ours">The library's training step.</param>
    /// <param name="Backprop">The fastest step of backprop.</param>
    /// <param name="BackpropLateral">How that one computes its lateral products.</param>
    /// <param name="Matmul">The matrix products of the library's step alone (sparse lateral ones are none).</param>
    /// <param name="MatmulLateralDense">Those, with the lateral ones as dense products.</param>
    /// <param name="Kernel">Activation, sampling, binning, histogram and gradient of both layers, in our step.</param>
    /// <param name="RatioToBackprop">Ours to backprop, round by round.</param>
    /// <param name="KernelToBackprop">The kernel to backprop, round by round.</param>
    /// <param name="BackpropToMatmul">Backprop to the matrix products, as it computes the lateral ones.</param>
    /// <param name="BackpropByLateral">Backprop with each way to compute lateral products.</param>
    /// <param name="RatioByLateral">Ours to each of them.</param>
    /// <param name="Split">The parts of our step.</param>
    /// <param name="KernelAlone">The kernel of the hidden neurons, on its own.</param>
    /// <param name="KernelSplit">Where the time of that one goes.</param>
    /// <param name="OccupiedCells">Occupied cells of a hidden neuron, on average.</param>
    /// <param name="AllocatedBytesPerStep">Managed bytes that our step allocates.</param>
    /// <param name="Rounds">Rounds measured.</param>
    /// <param name="GarbageCollections">Garbage collections during our measured steps.</param>
    private sealed record Case(
        int Hidden,
        int LateralConnections,
        string Device,
        Distribution Ours,
        Distribution Backprop,
        LateralKind BackpropLateral,
        Distribution Matmul,
        Distribution MatmulLateralDense,
        Distribution Kernel,
        Distribution RatioToBackprop,
        Distribution KernelToBackprop,
        Distribution BackpropToMatmul,
        IReadOnlyDictionary<LateralKind, Distribution> BackpropByLateral,
        IReadOnlyDictionary<LateralKind, Distribution> RatioByLateral,
        IReadOnlyDictionary<StepPart, Distribution> Split,
        Distribution KernelAlone,
        KernelSplit KernelSplit,
        double OccupiedCells,
        double AllocatedBytesPerStep,
        int Rounds,
        int GarbageCollections
    );
}
