using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Infomorphic.Benchmarks.Contenders;
using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Benchmarks;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>Whether the baseline is what it claims to be: it learns, and all ways to write it are one computation.</summary>
internal static class CheckCommand
{
    private const double SmallestAccuracy = 0.9;

    // Rounding differs, and with it, rarely, a sampled output.
    private const double LargestDifference = 0.01;

    public static Command Create()
    {
        var shared = new MeasurementOptions();
        Option<int> epochs = MeasurementOptions.WholeNumber("--epochs", "Epochs to train.", 10);
        Option<int> hidden = MeasurementOptions.WholeNumber("--hidden", "Number of hidden neurons.", 100, minimum: 2);
        var command = new Command(
            "check",
            "Trains the baseline, and compares the gradients of the ways to write its lateral products."
        )
        {
            epochs,
            hidden,
        };
        shared.AddTo(command);
        command.SetAction(parsed =>
        {
            Measurement measurement = shared.Begin(parsed);
            bool agree = LateralKindsAgree(measurement);
            bool learns = Learns(measurement, parsed.GetValue(hidden), parsed.GetValue(epochs));
            return agree && learns ? 0 : 1;
        });
        return command;
    }

    private static bool Learns(Measurement measurement, int hidden, int epochs)
    {
        const int Batch = 1024;
        BenchmarkData data = measurement.Data;
        using Tensor rows = data.StandardizedFeatures(data.Train, measurement.TorchDevice);
        using Tensor test = data.StandardizedFeatures(data.Test, measurement.TorchDevice);
        random.manual_seed(1);
        using var step = new BackpropStep(
            new BackpropVariant(LateralKind.Dense, Batches: BatchKind.Gathered),
            rows,
            data.Train.Labels,
            hidden,
            connections: null,
            Batch
        );
        double accuracy = 0;
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            for (int i = 0; i < data.Train.RowCount / Batch; i++)
                step.Step();
            accuracy = step.Accuracy(test, data.Test.Labels);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"backprop, N = {hidden}, epoch {epoch}: test accuracy {accuracy:P2} (sampled, label withheld)"
                )
            );
        }

        bool learns = accuracy > SmallestAccuracy;
        Console.WriteLine(learns ? "The baseline learns." : "The baseline does not learn.");
        return learns;
    }

    private static bool LateralKindsAgree(Measurement measurement)
    {
        const int Hidden = 300;
        const int Batch = 256;
        BenchmarkData data = measurement.Data;
        int[] connections = Setup.DrawConnections(Hidden, lateral: 100, data)!;
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = data.StandardizedFeatures(data.Train, measurement.TorchDevice);
        Tensor features = rows.narrow(0, 0, Batch);
        Tensor labels = from_array(data.Train.Labels.Take(Batch).Select(label => (long)label).ToArray())
            .to(measurement.TorchDevice);
        Tensor context = nn.functional.one_hot(labels, BenchmarkData.Classes).to(float32);
        Tensor[]? expected = null;
        bool agree = true;
        IEnumerable<BackpropVariant> variants = Enum.GetValues<LateralKind>()
            .Select(kind => new BackpropVariant(kind))
            .Append(new BackpropVariant(LateralKind.Dense, StraightThrough: StraightThroughKind.Function));
        foreach (BackpropVariant variant in variants)
        {
            using var step = new BackpropStep(variant, rows, data.Train.Labels, Hidden, connections, Batch);
            random.manual_seed(1);
            step.Backward(features, context, labels);
            Tensor[] gradients =
            [
                .. step.Parameters.Select(parameter =>
                    parameter.Equals(step.Lateral.Weights)
                        ? step.Lateral.GradientOfConnections(connections)
                        : parameter.grad!.clone()
                ),
            ];
            expected ??= gradients;
            double difference = expected
                .Zip(gradients, (a, b) => (double)((a - b).norm() / a.norm()).item<float>())
                .Aggregate(Math.Max);
            agree &= difference < LargestDifference;
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{variant.Lateral}, straight through {variant.StraightThrough}: gradients differ from the first by {difference:E1}"
                )
            );
        }

        return agree;
    }
}
