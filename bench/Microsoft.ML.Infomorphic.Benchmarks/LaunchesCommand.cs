using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using Spectre.Console;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>How many operations the tensor engine asks a device for in a training step, and how long the step takes.</summary>
internal static class LaunchesCommand
{
    public static Command Create()
    {
        var shared = new MeasurementOptions();
        Option<int[]> hidden = MeasurementOptions.WholeNumbers("--hidden", "Numbers of hidden neurons.", 100, 2000);
        Option<int> networks = MeasurementOptions.WholeNumber("--networks", "Networks that are trained as one.", 1);
        Option<int> batch = MeasurementOptions.WholeNumber("--batch", "Rows in a batch.", 1024, minimum: 2);
        Option<int> training = MeasurementOptions.WholeNumber("--training", "Steps to train before measuring.", 20);
        var command = new Command("launches", "Counts the operations of a step of the tensor engine, and times it.")
        {
            hidden,
            networks,
            batch,
            training,
        };
        shared.AddTo(command);
        command.SetAction(parsed =>
        {
            Measurement measurement = shared.Begin(parsed);
            Machine machine = measurement.Machine;
            ConsoleTable.WriteMachine(machine);
            Case[] cases =
            [
                .. parsed
                    .GetRequiredValue(hidden)
                    .Select(neurons =>
                        Measure(
                            measurement,
                            neurons,
                            parsed.GetValue(networks),
                            parsed.GetValue(batch),
                            parsed.GetValue(training)
                        )
                    ),
            ];
            if (measurement.ReportPath is string path)
                ReportFile.Write(
                    path,
                    new
                    {
                        Command = "launches",
                        MeasuredAt = Measurement.Now,
                        Machine = machine,
                        Data = measurement.Data.Name,
                        Unit = "milliseconds of a step",
                        Cases = cases,
                    }
                );
            return 0;
        });
        return command;
    }

    private static Case Measure(Measurement measurement, int hidden, int networks, int batch, int training)
    {
        TrainingSettings settings = Setup.Settings(hidden, Setup.LateralConnections(hidden), batch);
        NetworkState[] states =
        [
            .. Enumerable
                .Range(0, networks)
                .Select(_ => NetworkState.Create(settings, measurement.Data.Scaling, BenchmarkData.Classes)),
        ];
        using var engine = new TensorTrainingEngine(states, settings, batch, measurement.TorchDevice);
        int[] order = [.. Enumerable.Range(0, measurement.Data.Train.RowCount)];
        new RandomStream(settings.Seed, RandomStreams.Shuffling).Shuffle(order);
        engine.Announce(order);
        int next = 0;
        for (int step = 0; step < training; step++)
            Step();

        // Random numbers are drawn for several steps at once: the median is of steps that find them there.
        var counted = new List<IReadOnlyDictionary<string, int>>();
        for (int step = 0; step < 5; step++)
        {
            using var counter = new OperationCounter();
            Step();
            counted.Add(counter.Counts);
        }

        IReadOnlyDictionary<string, int> counts = counted.OrderBy(of => of.Values.Sum()).ElementAt(counted.Count / 2);
        var contender = new Contender("step", Step);
        Interleaving.Measure([contender], measurement.Rounds, measurement.Seconds);
        foreach (NetworkState state in states)
            state.Dispose();
        var result = new Case(hidden, networks, counts.Values.Sum(), contender.Total.Milliseconds, counts);
        AnsiConsole.WriteLine();
        ConsoleTable.Write(
            string.Create(
                CultureInfo.InvariantCulture,
                $"N = {hidden:N0}, networks: {networks:N0}, batch {batch:N0}: {result.Operations} operations a step, {ConsoleTable.Format(result.Step)} ms"
            ),
            ["operation", "a step"],
            counts
                .OrderByDescending(of => of.Value)
                .Select(of => (string[])[of.Key, of.Value.ToString(CultureInfo.InvariantCulture)])
        );
        return result;

        void Step()
        {
            if (next + batch > order.Length)
            {
                engine.Announce(order);
                next = 0;
            }

            engine.Step(measurement.Data.Train, order.AsSpan(next, batch));
            engine.Synchronize();
            next += batch;
        }
    }

    /// <summary>One size of network.</summary>
    /// <param name="Hidden">Number of hidden neurons.</param>
    /// <param name="Networks">Networks that are trained as one.</param>
    /// <param name="Operations">Operations that the device is asked for in a step.</param>
    /// <param name="Step">Milliseconds of a step.</param>
    /// <param name="ByName">The number of each of libtorch's operations.</param>
    private sealed record Case(
        int Hidden,
        int Networks,
        int Operations,
        Distribution Step,
        IReadOnlyDictionary<string, int> ByName
    );
}
