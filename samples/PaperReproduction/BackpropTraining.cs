using System.Diagnostics;
using Microsoft.ML.Infomorphic.Benchmarks.Contenders;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace PaperReproduction;

/// <summary>
/// The paper's backprop baseline: the connectivity of setup 1, gradients through the whole network. It is always sampled,
/// as its hidden neurons have no other output.
/// </summary>
internal static class BackpropTraining
{
    private const int BatchSize = 1024;
    private const int RowsToScore = 2000;

    // libtorch's generator is the process's.
    private static readonly Lock s_generator = new();

    public static Outcome Run(
        Cell cell,
        ImageRow[] train,
        ImageRow[] validation,
        ImageRow[] test,
        int threads,
        CancellationToken cancellation
    )
    {
        lock (s_generator)
        {
            TorchRuntime.EnsureLoaded();
            NativeHeap.ReturnLargeBlocks();
            int threadsBefore = get_num_threads();
            set_num_threads(threads);
            try
            {
                return Train(cell, train, validation, test, cancellation);
            }
            finally
            {
                set_num_threads(threadsBefore);
            }
        }
    }

    private static Outcome Train(
        Cell cell,
        ImageRow[] train,
        ImageRow[] validation,
        ImageRow[] test,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        manual_seed(cell.Seed);
        Tensor rows = Features(train);
        Tensor mean = rows.mean();
        Tensor deviation = rows.std(unbiased: false);
        rows.sub_(mean).div_(deviation);
        using var step = new BackpropStep(
            new BackpropVariant(LateralKind.Dense),
            rows,
            Labels(train),
            cell.HiddenNeurons,
            connections: null,
            BatchSize,
            ImageData.Classes,
            (ulong)cell.Seed
        );

        var order = new Random(cell.Seed);
        long[] indices = [.. Enumerable.Range(0, train.Length).Select(i => (long)i)];
        long steps = 0;
        long start = Stopwatch.GetTimestamp();
        for (int epoch = 0; epoch < cell.Epochs; epoch++)
        {
            order.Shuffle(indices);
            for (int first = 0; first < indices.Length; first += BatchSize, steps++)
            {
                cancellation.ThrowIfCancellationRequested();
                using Tensor chosen = from_array(indices[first..Math.Min(first + BatchSize, indices.Length)]);
                step.Step(chosen);
            }
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new Outcome(Score(test), null, Score(validation), null, seconds, seconds, steps);

        double Score(ImageRow[] judged)
        {
            double right = 0;
            foreach (ImageRow[] some in judged.Chunk(RowsToScore))
            {
                using Tensor features = Features(some).sub_(mean).div_(deviation);
                right += step.Accuracy(features, Labels(some)) * some.Length;
            }
            return right / judged.Length;
        }
    }

    private static Tensor Features(ImageRow[] rows)
    {
        int width = rows[0].Features.Length;
        float[] values = new float[(long)rows.Length * width];
        for (int i = 0; i < rows.Length; i++)
            rows[i].Features.CopyTo(values, i * width);
        using Tensor flat = from_array(values);
        return flat.reshape(rows.Length, width).clone();
    }

    private static int[] Labels(ImageRow[] rows) => [.. rows.Select(row => (int)row.Label)];
}
