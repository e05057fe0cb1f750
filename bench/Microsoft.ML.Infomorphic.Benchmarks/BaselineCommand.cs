using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Infomorphic.Benchmarks.Contenders;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>The ways to write the baseline against each other: the fastest is the one that counts.</summary>
internal static class BaselineCommand
{
    public static Command Create()
    {
        var shared = new MeasurementOptions();
        Option<int> hidden = MeasurementOptions.WholeNumber("--hidden", "Number of hidden neurons.", 100, minimum: 2);
        Option<int> batch = MeasurementOptions.WholeNumber("--batch", "Rows in a batch.", 1024, minimum: 2);
        var command = new Command("baseline", "Measures the ways to write the step of backprop against each other.")
        {
            hidden,
            batch,
        };
        shared.AddTo(command);
        command.SetAction(parsed => Run(shared.Begin(parsed), parsed.GetValue(hidden), parsed.GetValue(batch)));
        return command;
    }

    private static int Run(Measurement measurement, int hidden, int batch)
    {
        Machine machine = measurement.Machine;
        ConsoleTable.WriteMachine(machine);
        using Tensor rows = measurement.Data.StandardizedFeatures(measurement.Data.Train, measurement.TorchDevice);
        int[]? connections = Setup.DrawConnections(hidden, Setup.LateralConnections(hidden), measurement.Data);

        var first = new BackpropVariant(LateralKind.Dense);
        List<(string Name, BackpropVariant Variant)> variants =
        [
            ("as compared", first),
            ("exponential_ > −log θ", first with { Sampling = SamplingKind.Exponential }),
            ("torch.bernoulli", first with { Sampling = SamplingKind.Bernoulli }),
            ("not sampled (no such network)", first with { Sampling = SamplingKind.None }),
            ("straight through by a function", first with { StraightThrough = StraightThroughKind.Function }),
            ("torch.optim.Adam", first with { Adam = AdamKind.Torch }),
            ("batch by index_select", first with { Batches = BatchKind.Gathered }),
            ("weights times a mask", first with { Lateral = LateralKind.DenseMasked }),
        ];
        if (connections is not null)
        {
            variants.Add(("lateral gathered (index_select, bmm)", first with { Lateral = LateralKind.Gathered }));
            variants.Add(("lateral sparse", first with { Lateral = LateralKind.Sparse }));
        }

        BackpropStep[] steps =
        [
            .. variants.Select(variant => new BackpropStep(
                variant.Variant,
                rows,
                measurement.Data.Train.Labels,
                hidden,
                connections,
                batch
            )),
        ];
        Contender[] contenders = [.. variants.Select((variant, i) => new Contender(variant.Name, steps[i].Step))];
        var others = new OtherProcesses();
        Interleaving.Measure(contenders, measurement.Rounds, measurement.Seconds);
        ConsoleTable.Write(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Backprop, N = {hidden:N0}, batch {batch:N0}: ms a step, median (p10–p90) of {contenders[0].Total.RoundCount} rounds"
            ),
            ["", "ms", "to the first"],
            contenders.Select(contender =>
                (string[])
                    [
                        contender.Name,
                        ConsoleTable.Format(contender.Total.Milliseconds),
                        ConsoleTable.Format(contender.Total.RatioTo(contenders[0].Total)),
                    ]
            )
        );
        double busy = others.Cores();
        ConsoleTable.WriteOtherProcesses(busy);
        if (measurement.ReportPath is string path)
            ReportFile.Write(
                path,
                new
                {
                    Command = "baseline",
                    MeasuredAt = Measurement.Now,
                    Machine = machine,
                    CoresKeptBusyByOthers = busy,
                    Data = measurement.Data.Name,
                    Hidden = hidden,
                    Batch = batch,
                    Unit = "milliseconds of a step",
                    Variants = variants.Select(
                        (variant, i) =>
                            new
                            {
                                variant.Name,
                                variant.Variant,
                                contenders[i].Total.Milliseconds,
                                RatioToFirst = contenders[i].Total.RatioTo(contenders[0].Total),
                            }
                    ),
                }
            );
        foreach (BackpropStep step in steps)
            step.Dispose();
        return 0;
    }
}
