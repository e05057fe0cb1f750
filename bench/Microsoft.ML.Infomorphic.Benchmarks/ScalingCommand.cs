using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Infomorphic.Benchmarks.Contenders;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>How the cost of a step grows with the number of neurons and with the batch.</summary>
internal static class ScalingCommand
{
    // Enough steps for cells to fill; more would only cost time.
    private const int TrainingSteps = 20;

    public static Command Create()
    {
        var shared = new MeasurementOptions();
        Option<int[]> hidden = MeasurementOptions.WholeNumbers(
            "--hidden",
            "Numbers of hidden neurons.",
            50,
            101,
            200,
            500,
            1000,
            2000,
            4000
        );
        Option<int[]> batch = MeasurementOptions.WholeNumbers(
            "--batch",
            "Rows in a batch.",
            256,
            512,
            1024,
            2048,
            4096,
            8192
        );
        var command = new Command(
            "scaling",
            "Measures a training step for each number of hidden neurons, at 100 lateral connections at most, and each batch."
        )
        {
            hidden,
            batch,
        };
        shared.AddTo(command);
        command.SetAction(parsed =>
            Run(shared.Begin(parsed), parsed.GetRequiredValue(hidden), parsed.GetRequiredValue(batch))
        );
        return command;
    }

    private static int Run(Measurement measurement, int[] hidden, int[] batches)
    {
        Machine machine = measurement.Machine;
        ConsoleTable.WriteMachine(machine);
        var others = new OtherProcesses();
        var cells = new List<Cell>();
        foreach (int neurons in hidden)
        {
            // The batches of one number of neurons take turns.
            InfomorphicStep[] steps =
            [
                .. batches.Select(batch => new InfomorphicStep(
                    measurement.Data,
                    neurons,
                    Setup.SparseConnections,
                    batch,
                    measurement.Threads,
                    measurement.Device
                )),
            ];
            foreach (InfomorphicStep step in steps)
                step.Train(TrainingSteps);
            Contender[] contenders =
            [
                .. steps.Select((step, i) => new Contender($"{neurons} × {batches[i]}", step.Step, step.Prepare)),
            ];
            Interleaving.Measure(contenders, measurement.Rounds, measurement.Seconds);
            for (int i = 0; i < batches.Length; i++)
            {
                Distribution milliseconds = contenders[i].Total.Milliseconds;
                cells.Add(
                    new Cell(
                        neurons,
                        batches[i],
                        steps[i].Lateral.Connectivity.ConnectionsPerNeuron,
                        milliseconds,
                        1e6 * milliseconds.Median / ((double)neurons * batches[i])
                    )
                );
                steps[i].Dispose();
            }

            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"N = {neurons:N0} measured"));
        }

        string[] header = ["N", .. batches.Select(batch => batch.ToString("N0", CultureInfo.InvariantCulture))];
        ConsoleTable.Write("ms a step, by neurons and batch", header, Rows(cell => cell.Milliseconds.Median));
        ConsoleTable.Write("ns a neuron and row", header, Rows(cell => cell.NanosecondsPerNeuronAndRow));
        double busy = others.Cores();
        ConsoleTable.WriteOtherProcesses(busy);
        if (measurement.ReportPath is string path)
            ReportFile.Write(
                path,
                new
                {
                    Command = "scaling",
                    MeasuredAt = Measurement.Now,
                    Machine = machine,
                    CoresKeptBusyByOthers = busy,
                    Data = measurement.Data.Name,
                    BenchmarkData.Features,
                    BenchmarkData.Classes,
                    Unit = "milliseconds of a step",
                    Cells = cells,
                }
            );
        return 0;

        IEnumerable<string[]> Rows(Func<Cell, double> value) =>
            hidden.Select(neurons =>
                (string[])
                    [
                        neurons.ToString("N0", CultureInfo.InvariantCulture),
                        .. cells.Where(cell => cell.Hidden == neurons).Select(cell => ConsoleTable.Format(value(cell))),
                    ]
            );
    }

    private sealed record Cell(
        int Hidden,
        int Batch,
        int LateralConnections,
        Distribution Milliseconds,
        double NanosecondsPerNeuronAndRow
    );
}
