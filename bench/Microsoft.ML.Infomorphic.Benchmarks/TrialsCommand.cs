using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training;
using Spectre.Console;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>
/// Trainings of different goals as one group, against single trainings: on the CPU as many at a time as there are
/// threads, each with one of them; on a device one after another. Epochs are judged on test rows, and scores calibrated.
/// </summary>
internal static class TrialsCommand
{
    public static Command Create()
    {
        var shared = new MeasurementOptions();
        Option<int> trials = MeasurementOptions.WholeNumber("--trials", "Number of trials K.", 16);
        Option<int> hidden = MeasurementOptions.WholeNumber("--hidden", "Number of hidden neurons of each.", 100);
        Option<int> batch = MeasurementOptions.WholeNumber("--batch", "Rows in a batch.", 1024, minimum: 2);
        Option<int> epochs = MeasurementOptions.WholeNumber("--epochs", "Epochs of each trial.", 2);
        var command = new Command(
            "trials",
            "Measures trainings of different goals as one group against single trainings, in turns."
        )
        {
            trials,
            hidden,
            batch,
            epochs,
        };
        shared.AddTo(command);
        shared.Rounds.DefaultValueFactory = _ => 5;
        shared.Seconds.DefaultValueFactory = _ => 600;
        command.SetAction(parsed =>
            Run(
                shared.Begin(parsed),
                parsed.GetValue(trials),
                parsed.GetValue(hidden),
                parsed.GetValue(batch),
                parsed.GetValue(epochs)
            )
        );
        return command;
    }

    private static int Run(Measurement measurement, int trials, int hidden, int batch, int epochs)
    {
        Machine machine = measurement.Machine;
        ConsoleTable.WriteMachine(machine);
        int atOnce = measurement.Device.IsCuda ? 1 : measurement.Threads;
        TrainingSettings[] group =
        [
            .. Goals(trials)
                .Select(goal =>
                {
                    TrainingSettings settings = Setup.Settings(
                        hidden,
                        Setup.LateralConnections(hidden),
                        batch,
                        measurement.Threads
                    );
                    return settings with
                    {
                        HiddenLayers = [settings.HiddenLayers[0] with { Goal = goal }],
                        Epochs = epochs,
                    };
                }),
        ];
        TrainingSettings[] single = [.. group.Select(settings => settings with { Threads = 1 })];
        _ = Together([.. group.Select(settings => settings with { Epochs = 1 })]);
        _ = Apart([.. single.Take(atOnce).Select(settings => settings with { Epochs = 1 })]);

        var others = new OtherProcesses();
        var clock = Stopwatch.StartNew();
        var groupTimes = new List<Elapsed>();
        var singleTimes = new List<Elapsed>();
        bool equal = true;
        for (int round = 0; round < measurement.Rounds && clock.Elapsed.TotalSeconds < measurement.Seconds; round++)
        {
            // Whoever begins meets another machine than whoever follows.
            TrainingResult[] together;
            TrainingResult[] apart;
            if (round % 2 == 0)
            {
                together = Add(groupTimes, Together(group));
                apart = Add(singleTimes, Apart(single));
            }
            else
            {
                apart = Add(singleTimes, Apart(single));
                together = Add(groupTimes, Together(group));
            }

            equal &= together.Zip(apart).All(pair => HaveSameWeights(pair.First, pair.Second));
            Console.Error.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"round {round + 1}: group {groupTimes[^1]}, single {singleTimes[^1]}, ratio {groupTimes[^1].Seconds / singleTimes[^1].Seconds:F3}"
                )
            );
        }

        double busy = others.Cores();
        var report = new Report(
            "trials",
            Measurement.Now,
            machine,
            busy,
            measurement.Data.Name,
            trials,
            hidden,
            batch,
            epochs,
            measurement.Device.IsCuda
                ? "one after another"
                : string.Create(CultureInfo.InvariantCulture, $"{atOnce} at a time, one thread each"),
            Distribution.Of(groupTimes.Select(time => time.Seconds)),
            Distribution.Of(singleTimes.Select(time => time.Seconds)),
            Ratio(time => time.Seconds),
            Distribution.Of(groupTimes.Select(time => time.ProcessorSeconds)),
            Distribution.Of(singleTimes.Select(time => time.ProcessorSeconds)),
            Ratio(time => time.ProcessorSeconds),
            equal
        );
        ConsoleTable.Write(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{trials} trials of {hidden:N0} neurons, {epochs} epochs, batch {batch:N0}: median (p10–p90) of {groupTimes.Count} rounds"
            ),
            ["", "s", "to single ones", "processors' s", "to single ones"],
            [
                [
                    "as one group",
                    ConsoleTable.Format(report.GroupSeconds),
                    ConsoleTable.Format(report.Ratio),
                    ConsoleTable.Format(report.GroupProcessorSeconds),
                    ConsoleTable.Format(report.ProcessorRatio),
                ],
                [
                    $"single ones, {report.SingleOnes}",
                    ConsoleTable.Format(report.SingleSeconds),
                    "1",
                    ConsoleTable.Format(report.SingleProcessorSeconds),
                    "1",
                ],
            ]
        );
        AnsiConsole.WriteLine(equal ? "All weights are the same to the last bit." : "Weights differ.");
        ConsoleTable.WriteOtherProcesses(busy);
        if (measurement.ReportPath is string path)
            ReportFile.Write(path, report);
        return 0;

        Distribution Ratio(Func<Elapsed, double> time) =>
            Distribution.Of(groupTimes.Zip(singleTimes, (one, other) => time(one) / time(other)));

        static TrainingResult[] Add(List<Elapsed> times, (Elapsed Time, TrainingResult[] Results) run)
        {
            times.Add(run.Time);
            return run.Results;
        }

        (Elapsed Time, TrainingResult[] Results) Together(TrainingSettings[] settings) =>
            Time(() =>
                [
                    .. NetworkTrainer
                        .TrainMany(
                            measurement.Data.Train,
                            measurement.Data.Test,
                            [.. settings.Select(trial => new TrainingRequest(trial, new TrainingCallbacks()))],
                            measurement.Device
                        )
                        .Select(outcome => outcome.GetResult()),
                ]
            );

        (Elapsed Time, TrainingResult[] Results) Apart(TrainingSettings[] settings) =>
            Time(() =>
            {
                var results = new TrainingResult[settings.Length];
                int next = -1;
                Thread[] threads = [.. Enumerable.Range(0, atOnce).Select(_ => new Thread(Work))];
                foreach (Thread thread in threads)
                    thread.Start();
                foreach (Thread thread in threads)
                    thread.Join();
                return results;

                void Work()
                {
                    int trial;
                    while ((trial = Interlocked.Increment(ref next)) < settings.Length)
                        results[trial] = NetworkTrainer.Train(
                            measurement.Data.Train,
                            measurement.Data.Test,
                            settings[trial],
                            null,
                            measurement.Device,
                            new TrainingCallbacks()
                        );
                }
            });
    }

    private static (Elapsed Time, TrainingResult[] Results) Time(Func<TrainingResult[]> train)
    {
        GC.Collect();
        TimeSpan before = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        TrainingResult[] results = train();
        return (
            new Elapsed(clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds),
            results
        );
    }

    /// <summary>Seconds on the wall, and of this process's threads on their processors.</summary>
    private sealed record Elapsed(double Seconds, double ProcessorSeconds)
    {
        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"{Seconds:F2} s ({ProcessorSeconds:F2} s of processors)");
    }

    // Goals as a sweep near its end tries them: the paper's, each weight moved by up to 0.2.
    private static IEnumerable<GoalFunction> Goals(int trials)
    {
        var random = new RandomStream(1, 0);
        GoalFunction centre = GoalFunctions.OptimizedTpe1;
        for (int trial = 0; trial < trials; trial++)
            yield return GoalFunction.FromGamma(
                centre.Sources,
                [.. centre.Gamma.Select(weight => weight + 0.4 * (random.NextUniform() - 0.5))]
            );
    }

    private static bool HaveSameWeights(TrainingResult one, TrainingResult other) =>
        WeightsOf(one).SequenceEqual(WeightsOf(other));

    private static IEnumerable<float> WeightsOf(TrainingResult result) =>
        result
            .Network.Layers.SelectMany(layer => layer.Sources)
            .SelectMany(source => source.Projections.SelectMany(of => of.Weights).Concat(source.Biases));

    private sealed record Report(
        string Command,
        string MeasuredAt,
        Machine Machine,
        double CoresKeptBusyByOthers,
        string Data,
        int Trials,
        int Hidden,
        int Batch,
        int Epochs,
        string SingleOnes,
        Distribution GroupSeconds,
        Distribution SingleSeconds,
        Distribution Ratio,
        Distribution GroupProcessorSeconds,
        Distribution SingleProcessorSeconds,
        Distribution ProcessorRatio,
        bool WeightsAreTheSame
    );
}
